# You need Python 3.11 or later with venv, git and make. Each target installs its tools under the user's cache directory
# (or $EKSOPS_DEV). PYTHON=... selects the interpreter, and with it ansible-core. ARGS=... is passed to the tool:
# make units ARGS="tests/unit -k trust", make integration ARGS="irsa_role -v".
SHELL := /usr/bin/env bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
T := tools
ARGS ?=
export PYTHON

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: ## Bind three workloads to IAM roles on the sandbox, break the chain in five ways, fix it, and unbind them
	@$(T)/sandbox.sh with demo demo/run

.PHONY: demo-picture
demo-picture: ## Run the demo and write its output to the picture in README.md
	@$(T)/docs/demo_picture.sh

.PHONY: test
test: ## Run lint, sanity, units and integration, without the long integration targets
	@$(T)/ci/all.sh test

.PHONY: test-all
test-all: ## Run everything that CI runs, including the real API server, the browser, all versions and the tarball
	@$(T)/ci/all.sh

.PHONY: lint
lint: ## Run ruff, yamllint, mypy, shellcheck, ansible-lint, and the linters of changelog, documentation and words
	@$(T)/ci/lint.sh

.PHONY: sanity
sanity: ## Run ansible-test sanity
	@$(T)/ci/sanity.sh $(ARGS)

.PHONY: units
units: ## Run the unit tests of the collection and of the sandbox
	@$(T)/ci/units.sh $(ARGS)

.PHONY: integration
integration: ## Run the integration targets on the sandbox with its simulated cluster
	@$(T)/ci/integration.sh --simulated $(ARGS)

.PHONY: browser
browser: ## Test the HTML report of an audit in Chromium, from PATH or $CHROMIUM
	@$(T)/browser.sh $(ARGS)

.PHONY: web
web: ## Write the bundle of the HTML report from web/audit to the Python file in the collection
	@$(T)/web.sh $(ARGS)

.PHONY: policies
policies: ## Check the well-known policies with a linter of IAM policies and with lists of the actions of AWS
	@$(T)/policies/check.sh $(ARGS)

.PHONY: test-envtest
test-envtest: ## Run the integration targets on a real kube-apiserver from $KUBEBUILDER_ASSETS
	@$(T)/ci/integration.sh --real $(ARGS)

.PHONY: test-given
test-given: ## Run the integration targets on your own cluster and account, set in the environment
	@$(T)/ci/integration.sh --given $(ARGS)

.PHONY: matrix
matrix: ## Test the oldest and newest supported versions, with deprecations as errors, and write the table in README.md
	@$(T)/ci/matrix.sh $(ARGS)

.PHONY: sandbox
sandbox: ## Start the sandbox and print the environment to export: eval "$(make -s sandbox)"
	@$(T)/sandbox.sh up $(ARGS)

.PHONY: sandbox-down
sandbox-down: ## Stop the sandbox
	@$(T)/sandbox.sh down

.PHONY: bench
bench: ## Compare the role with the same chain of amazon.aws, kubernetes.core and aws CLI tasks
	@$(T)/sandbox.sh with bench benchmarks/chain/run $(ARGS)

.PHONY: bench-bindings
bench-bindings: ## Compare a thousand bindings in one task with a baseline script that makes the same calls
	@$(T)/sandbox.sh with bench-bindings benchmarks/bindings/run $(ARGS)

.PHONY: bench-audit
bench-audit: ## Compare an audit of five thousand service accounts with a baseline script that makes the same reads
	@$(T)/sandbox.sh with bench-audit benchmarks/audit/run $(ARGS)

.PHONY: build
build: ## Build the tarball reproducibly, and print its path
	@$(T)/release/build.sh

.PHONY: galaxy-check
galaxy-check: ## Check the tarball (content, importer, installation, upgrade) and a release without publishing it
	@$(T)/release/galaxy_check.sh

.PHONY: release
release: ## Prepare release VERSION=x.y.z: version, changelog, tarball and tag text; DRY=1 only shows them
	@$(T)/release/release.sh $(if $(DRY),--dry-run) "$(VERSION)"

.PHONY: ee-check
ee-check: ## Check the example execution environment with ansible-builder, without a container engine
	@$(T)/release/ee_check.sh

.PHONY: docs
docs: ## Build the documentation site and print its path; a warning is an error
	@$(T)/docs/docs.sh

.PHONY: docs-check
docs-check: ## Build the documentation site, and check every example and link in the documentation
	@$(T)/docs/docs.sh --check

.PHONY: guide
guide: ## Generate the guides to troubleshooting and policies from the causes and the policies
	@$(T)/run.sh bash -c 'export PYTHONPATH=$$ANSIBLE_COLLECTIONS_PATH; python -m tools.docs.troubleshooting && python -m tools.policies.guide'

.PHONY: permissions
permissions: ## Test on the sandbox what fails without each permission, and write the tables of the permissions guide
	@$(T)/sandbox.sh with permissions bash -c 'PYTHONPATH=tests:$$ANSIBLE_COLLECTIONS_PATH exec python -m permissions "$$IRSA_SANDBOX_DIR" --write'

.PHONY: clean
clean: ## Remove everything that these targets created, outside the checkout too
	@$(T)/environment/clean.sh
