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
	@awk 'BEGIN { FS = ":.*## " } /^##@ / { printf "\n%s\n", substr($$0, 5) } /^[a-z-]+:.*## / { printf "  %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

##@ Try it

.PHONY: demo
demo: ## Bind three workloads on the sandbox, break the chain in five ways, fix it
	@$(T)/sandbox.sh with demo demo/run

.PHONY: sandbox
sandbox: ## Start the sandbox and print its environment: eval "$(make -s sandbox)"
	@$(T)/sandbox.sh up $(ARGS)

.PHONY: sandbox-down
sandbox-down: ## Stop the sandbox
	@$(T)/sandbox.sh down

##@ Test

.PHONY: test
test: ## lint, sanity, units and integration without its long parts; needs only Python
	@$(T)/ci/all.sh test

.PHONY: test-all
test-all: ## Everything that CI runs: also a real API server, all versions, the tarball
	@$(T)/ci/all.sh

.PHONY: lint
lint: ## Linters of code, shell, YAML, Ansible, documentation, changelog and words
	@$(T)/ci/lint.sh

.PHONY: sanity
sanity: ## ansible-test sanity
	@$(T)/ci/sanity.sh $(ARGS)

.PHONY: units
units: ## Unit tests of the collection and of the sandbox
	@$(T)/ci/units.sh $(ARGS)

.PHONY: integration
integration: ## Integration targets on the sandbox
	@$(T)/ci/integration.sh --simulated $(ARGS)

.PHONY: test-envtest
test-envtest: ## Integration targets on a real kube-apiserver from $KUBEBUILDER_ASSETS
	@$(T)/ci/integration.sh --real $(ARGS)

.PHONY: test-given
test-given: ## Integration targets on your own cluster and AWS account
	@$(T)/ci/integration.sh --given $(ARGS)

.PHONY: browser
browser: ## The HTML report of an audit in Chromium, from PATH or $CHROMIUM
	@$(T)/browser.sh $(ARGS)

.PHONY: policies
policies: ## Well-known policies against a policy linter and the actions of AWS
	@$(T)/ci/policies.sh $(ARGS)

.PHONY: fuzz
fuzz: ## Modules and parsers with 20,000 generated inputs and ten minutes of atheris
	@$(T)/fuzz.sh $(if $(INPUTS),--inputs $(INPUTS)) $(if $(TIME),--seconds $(TIME)) $(if $(SEED),--seed $(SEED)) $(ARGS)

.PHONY: faults
faults: ## Every module and the role under each fault of the sandbox: what is lost, doubled, hangs
	@$(T)/ci/faults.sh faults $(ARGS)

.PHONY: kills
kills: ## Modules that are killed after each of their writes, then run again: the same end state
	@$(T)/ci/faults.sh kills $(ARGS)

.PHONY: races
races: ## Writers of the same role or service account at the same time; counts what is lost
	@$(T)/run.sh bash -c 'PYTHONPATH=tests:$$ANSIBLE_COLLECTIONS_PATH exec python -m races "$$DEV/sandbox-races" $(ARGS)'

.PHONY: audit
audit: ## Known vulnerabilities of the locked Python and npm packages
	@$(T)/ci/audit.sh

.PHONY: matrix
matrix: ## Oldest and newest supported versions; writes the table in README.md
	@$(T)/ci/matrix.sh $(ARGS)

##@ Measure

.PHONY: bench
bench: ## Benchmarks as one table; ARGS="chain verify" runs some, ARGS=--check compares with recorded ratios
	@$(T)/bench.sh $(ARGS)

##@ Generate

.PHONY: guide
guide: ## The guides to troubleshooting and policies
	@$(T)/run.sh bash -c 'PYTHONPATH=$$ANSIBLE_COLLECTIONS_PATH python -m tools.docs.guides'

.PHONY: permissions
permissions: ## The tables of the permissions guide, by testing each permission
	@$(T)/sandbox.sh with permissions bash -c 'PYTHONPATH=tests:$$ANSIBLE_COLLECTIONS_PATH exec python -m permissions "$$IRSA_SANDBOX_DIR" --write'

.PHONY: web
web: ## The bundle of the HTML report from web/audit
	@$(T)/web.sh $(ARGS)

.PHONY: demo-picture
demo-picture: ## The picture in README.md, by running the demo
	@$(T)/docs/demo_picture.sh

.PHONY: docs
docs: ## The documentation site; prints its path
	@$(T)/docs/docs.sh

.PHONY: docs-check
docs-check: ## The same, and a check of every example and link
	@$(T)/docs/docs.sh --check

.PHONY: lock
lock: ## Versions and hashes of the development packages; ARGS=--upgrade selects the newest
	@$(T)/requirements/lock.sh $(ARGS)

##@ Release

.PHONY: build
build: ## Build the tarball reproducibly, and print its path
	@$(T)/release/build.sh

.PHONY: galaxy-check
galaxy-check: ## Check the tarball and a release without publishing it
	@$(T)/release/galaxy_check.sh

.PHONY: ee-check
ee-check: ## Check the example execution environment, without a container engine
	@$(T)/release/ee_check.sh

.PHONY: sbom
sbom: ## The SBOM of what the example execution environment adds; prints its path
	@$(T)/release/sbom.sh

.PHONY: release
release: ## Prepare release VERSION=x.y.z; DRY=1 only shows it
	@$(T)/release/release.sh $(if $(DRY),--dry-run) "$(VERSION)"

.PHONY: clean
clean: ## Remove all that these targets created, outside the checkout too
	@$(T)/environment/clean.sh
