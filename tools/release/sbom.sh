#!/usr/bin/env bash
# Write the software bill of materials (SBOM), in the format of CycloneDX, of what examples/execution-environment adds to
# its base image: the collections and the Python packages, with the versions in requirements/locked/ee.txt. Prints its path.
. "$(dirname "${BASH_SOURCE[0]}")/../env.sh"
python=$(find_python 3.13) || die "Python 3.13 not found, which the base image has"
make_venv "$DEV/venv-supply-chain" "$(find_controller_python)" supply-chain
make_venv "$DEV/venv-ee" "$python" ee "${DEPENDENCIES[@]}"
packages=$DEV/venv-ee/packages.cdx.json
sbom=$DEV/sbom.cdx.json
bin=$DEV/venv-supply-chain/bin
"$bin/cyclonedx-py" environment --output-reproducible --output-file "$packages" "$DEV/venv-ee/bin/python" >&2
"$bin/python" "$TOOLS/release/sbom.py" "$packages" "$ROOT" "$DEV"/venv-ee/lib/python*/site-packages/ansible_collections/*/* >"$sbom"
printf '%s\n' "$sbom"
