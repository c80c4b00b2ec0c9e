"""Prepare a release: version, changelog, tarball, checksum, and the text of the tag.

Usage: python -m tools.release.release [--dry-run] --checkout CHECKOUT --output DIRECTORY VERSION

All of it is made in a clone; only when that went well are the changes brought to the checkout and the tarball,
SHA256SUMS and TAG to the directory, and with --dry-run not even then. What others see at once (commit, tag,
publication) is left to a person: the commands are printed. Why not antsibull-changelog alone: it makes the changelog of
any version, and neither compares the version with the fragments nor makes a tarball.
"""

from __future__ import annotations

import argparse
import hashlib
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import typing as t

import yaml
from ansible.utils.version import SemanticVersion

from tools.release import pack

_BREAKING = {"breaking_changes", "removed_features"}
_ADDING = {"major_changes", "minor_changes", "deprecated_features"}
_VERSION_ADDED = re.compile(r"version_added: [\"']?(\d[^\s\"']*)")


def _refuse(reason: str) -> t.NoReturn:
    sys.exit(f"error: {reason}")


def _git(checkout: pathlib.Path, *arguments: str) -> str:
    command = ["git", "-C", str(checkout), *arguments]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def _core(version: SemanticVersion) -> str:
    """The version without what marks a pre-release."""
    return f"{version.major}.{version.minor}.{version.patch}"


def _sections(checkout: pathlib.Path) -> set[str]:
    """The sections of the changelog that the fragments have something for."""
    found: set[str] = set()
    for path in sorted((checkout / "changelogs" / "fragments").glob("*.y*ml")):
        found |= {name for name, entries in (yaml.safe_load(path.read_text()) or {}).items() if entries}
    return found


def _announced(checkout: pathlib.Path, current: SemanticVersion) -> dict[str, str]:
    """Versions after the current one that the documentation names already, with a file that does."""
    found: dict[str, str] = {}
    for path in [*checkout.glob("plugins/*/*.py"), *checkout.glob("roles/*/meta/*.yml")]:
        for version in _VERSION_ADDED.findall(path.read_text()):
            if SemanticVersion(version) > current:
                found[version] = str(path.relative_to(checkout))
    return found


def _least(current: SemanticVersion, sections: set[str], announced: t.Iterable[str]) -> SemanticVersion:
    """The lowest version that semantic versioning lets these changes have."""
    major, minor, patch = current.major, current.minor, current.patch
    if current.is_prerelease:
        least = _core(current)
    elif sections & _BREAKING and major:
        least = f"{major + 1}.0.0"
    elif sections & (_BREAKING | _ADDING):
        least = f"{major}.{minor + 1}.0"
    else:
        least = f"{major}.{minor}.{patch + 1}"
    return max(SemanticVersion(version) for version in (least, *announced))


def check(checkout: pathlib.Path, wanted: str) -> None:
    """Refuse what can't be a release."""
    if _git(checkout, "status", "--porcelain"):
        _refuse("the checkout has changes that are not committed, or files that git doesn't know")
    sections = _sections(checkout)
    if not sections - {"trivial"}:
        _refuse("changelogs/fragments has nothing that a user can notice, so there is nothing to release")
    current = SemanticVersion(yaml.safe_load((checkout / "galaxy.yml").read_text())["version"])
    announced = _announced(checkout, current)
    least = _least(current, sections, announced)
    if not wanted:
        _refuse(f"name the version, VERSION=x.y.z; by fragments and documentation the next one is {least.vstring}")
    try:
        version = SemanticVersion(wanted)
    except ValueError:
        _refuse(f"{wanted} is no semantic version (x.y.z, or x.y.z-rc.1)")
    if version <= current:
        _refuse(f"{wanted} is not newer than {current.vstring}")
    if _git(checkout, "tag", "--list", wanted):
        _refuse(f"the tag {wanted} exists")
    for named, path in announced.items():
        if named != _core(version):
            _refuse(f"{path} says version_added: {named}, and this release would be {wanted}")
    if SemanticVersion(_core(version)) < least:
        _refuse(f"{wanted} is too low for sections {', '.join(sorted(sections))}: at least {least.vstring}")


def prepare(clone: pathlib.Path, output: pathlib.Path, version: str) -> None:
    """Make the release in this clone, and its files in ``output``."""
    metadata = clone / "galaxy.yml"
    text, count = re.subn(r"(?m)^version: .*$", f"version: {version}", metadata.read_text())
    if count != 1:
        _refuse("galaxy.yml has no line for the version alone")
    metadata.write_text(text)
    changelog = ["antsibull-changelog", "release", "--reload-plugins"]
    subprocess.run(changelog, cwd=clone, check=True, stdout=sys.stderr)
    tarball = pack.pack(clone, output)
    checksum = hashlib.sha256(tarball.read_bytes()).hexdigest()
    (output / "SHA256SUMS").write_text(f"{checksum}  {tarball.name}\n")
    latest = output / "TAG"
    generate = ["antsibull-changelog", "generate", "--only-latest", "--output-format", "rst", "--output", str(latest)]
    subprocess.run(generate, cwd=clone, check=True, stdout=sys.stderr)
    collection = yaml.safe_load(text)
    title = f"{collection['namespace']}.{collection['name']} {version}"
    latest.write_text(f"{title}\n\n{latest.read_text().strip()}\n")


def bring(clone: pathlib.Path, checkout: pathlib.Path) -> None:
    """Make in the checkout the changes that were made in the clone."""
    _git(clone, "add", "--all")
    patch = _git(clone, "diff", "--cached", "--binary", "HEAD")
    subprocess.run(["git", "-C", str(checkout), "apply"], check=True, input=patch, text=True)


def tell(made: pathlib.Path, output: pathlib.Path, version: str) -> None:
    """Print the tag's text, the checksum, and the commands for files that lie in ``output``."""
    print((made / "TAG").read_text())
    checksum = (made / "SHA256SUMS").read_text()
    print(checksum)
    print(
        f"git add --all galaxy.yml CHANGELOG.md changelogs\n"
        f"git commit -m 'Release {version}'\n"
        f"git tag -a {version} --cleanup=whitespace -F {output / 'TAG'}\n"
        f"git push origin HEAD {version}\n"
        f"ansible-galaxy collection publish {output / checksum.split()[1]}"
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--dry-run", action="store_true")
    parser.add_argument("--checkout", type=pathlib.Path, required=True)
    parser.add_argument("--output", type=pathlib.Path, required=True)
    parser.add_argument("version")
    arguments = parser.parse_args()
    check(arguments.checkout, arguments.version)
    with tempfile.TemporaryDirectory() as scratch:
        clone, made = pathlib.Path(scratch, "clone"), pathlib.Path(scratch, "made")
        subprocess.run(["git", "clone", "--quiet", str(arguments.checkout), str(clone)], check=True)
        prepare(clone, made, arguments.version)
        if arguments.dry_run:
            print(_git(clone, "diff", "--stat"))
            tell(made, arguments.output, arguments.version)
            return
        bring(clone, arguments.checkout)
        shutil.rmtree(arguments.output, ignore_errors=True)
        shutil.copytree(made, arguments.output)
    tell(arguments.output, arguments.output, arguments.version)


if __name__ == "__main__":
    main()
