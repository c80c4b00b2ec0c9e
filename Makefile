# Every target makes what it needs first, under the user's cache directory (or $EKSOPS_DEV): Python 3.11 or later with
# venv, git and make are all that has to be there. PYTHON=... chooses the interpreter, and with it ansible-core.
# ARGS=... goes to the tool underneath: make units ARGS="tests/unit -k trust", make integration ARGS="irsa_role -v".
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
demo: ## Bind three workloads to IAM roles on the sandbox, break that in five ways, mend it, and take it all away again
	@$(T)/sandbox.sh with demo demo/run

.PHONY: demo-picture
demo-picture: ## Make the README's picture of the demo again, from what the demo prints
	@$(T)/docs/demo_picture.sh

.PHONY: test
test: lint sanity units integration ## All that needs nothing but Python
	@$(T)/ci/summary.sh lint sanity units integration

.PHONY: test-all
test-all: ## All of it: also the real API server, the browser, the versions' ends, the tarball and the documentation
	@$(T)/ci/all.sh

.PHONY: lint
lint: ## ruff, yamllint, mypy, shellcheck, ansible-lint, changelog and documentation linters, what modules ship
	@$(T)/ci/lint.sh

.PHONY: sanity
sanity: ## ansible-test sanity
	@$(T)/ci/sanity.sh $(ARGS)

.PHONY: units
units: ## Unit tests of the collection and of the sandbox
	@$(T)/ci/units.sh $(ARGS)

.PHONY: integration
integration: ## Integration targets on the sandbox's simulated cluster
	@$(T)/ci/integration.sh --simulated $(ARGS)

.PHONY: browser
browser: ## The HTML page of an audit in a real Chromium, from PATH or $CHROMIUM
	@$(T)/browser.sh $(ARGS)

.PHONY: web
web: ## Bundle web/audit, the page of an audit, into the Python file that the collection ships
	@$(T)/web.sh $(ARGS)

.PHONY: policies
policies: ## The well-known policies before a linter of IAM policies and lists of AWS's actions
	@$(T)/policies/check.sh $(ARGS)

.PHONY: test-envtest
test-envtest: ## The same targets on a real kube-apiserver out of $KUBEBUILDER_ASSETS
	@$(T)/ci/integration.sh --real $(ARGS)

.PHONY: test-given
test-given: ## The same targets on your own cluster and account, named by the environment
	@$(T)/ci/integration.sh --given $(ARGS)

.PHONY: matrix
matrix: ## The oldest and the newest of all that is supported, deprecations as errors; writes the table in README.md
	@$(T)/ci/matrix.sh $(ARGS)

.PHONY: sandbox
sandbox: ## Start a sandbox and print the environment to export: eval "$(make -s sandbox)"
	@$(T)/sandbox.sh up $(ARGS)

.PHONY: sandbox-down
sandbox-down: ## Stop it
	@$(T)/sandbox.sh down

.PHONY: bench
bench: ## The role against the same chain out of amazon.aws, kubernetes.core and the aws CLI
	@$(T)/sandbox.sh with bench benchmarks/chain/run $(ARGS)

.PHONY: bench-bindings
bench-bindings: ## A thousand bindings at once against a bare script that makes the same calls
	@$(T)/sandbox.sh with bench-bindings benchmarks/bindings/run $(ARGS)

.PHONY: bench-audit
bench-audit: ## An audit of five thousand service accounts against a bare script that reads the same
	@$(T)/sandbox.sh with bench-audit benchmarks/audit/run $(ARGS)

.PHONY: build
build: ## Build the tarball, the same bytes for the same files, and print its path
	@$(T)/release/build.sh

.PHONY: galaxy-check
galaxy-check: ## The tarball: its content, Galaxy's importer, installation, upgrade; and how a release is made
	@$(T)/release/galaxy_check.sh

.PHONY: release
release: ## VERSION=x.y.z: version, changelog, tarball and tag's text of a release; DRY=1 only shows them
	@$(T)/release/release.sh $(if $(DRY),--dry-run) "$(VERSION)"

.PHONY: ee-check
ee-check: ## What ansible-builder makes of the collection and of the example of an execution environment, without an engine
	@$(T)/release/ee_check.sh

.PHONY: docs
docs: ## Build the documentation site, guides and reference, and print where it is; a warning is an error
	@$(T)/docs/docs.sh

.PHONY: docs-check
docs-check: ## The same, and hold every example and link in the documentation against the collection
	@$(T)/docs/docs.sh --check

.PHONY: guide
guide: ## Write the guides to troubleshooting and to policies again, from causes and policies
	@$(T)/run.sh bash -c 'export PYTHONPATH=$$ANSIBLE_COLLECTIONS_PATH; python -m tools.docs.troubleshooting && python -m tools.policies.guide'

.PHONY: permissions
permissions: ## Write again what each line of the guide's permissions is for, as it shows on the sandbox
	@$(T)/sandbox.sh with permissions bash -c 'PYTHONPATH=tests:$$ANSIBLE_COLLECTIONS_PATH exec python -m permissions "$$IRSA_SANDBOX_DIR" --write'

.PHONY: clean
clean: ## Remove everything that these targets made, outside the checkout too
	@$(T)/environment/clean.sh
