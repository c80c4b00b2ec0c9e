"""Prepare a release: version, changelog, tarball, checksum, and the text of the tag.

Usage: python -m tools.release.release [--dry-run] --checkout CHECKOUT --output DIRECTORY VERSION

The release is made in a clone. If that succeeds, the changes are applied to the checkout, and the tarball, SHA256SUMS
and TAG are copied to the directory; --dry-run skips this. The commands to commit, tag and publish are printed, not run.
Why not antsibull-changelog alone: it accepts any version and does not build a tarball.
"""

from __future__ import annotations

import argparse
import hashlib
import html
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
_UNRELEASED = """## Unreleased

See the fragments in `changelogs/fragments` of the repository, one file for each subject.
"""
_VERSION_ADDED = re.compile(r"version_added: [\"']?(\d[^\s\"']*)")


def _fail(reason: str) -> t.NoReturn:
    sys.exit(f"error: {reason}")


def _git(checkout: pathlib.Path, *arguments: str) -> str:
    command = ["git", "-C", str(checkout), *arguments]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def _core(version: SemanticVersion) -> str:
    """Return the version without its pre-release part."""
    return f"{version.major}.{version.minor}.{version.patch}"


def _newest_release(checkout: pathlib.Path) -> SemanticVersion:
    """Return the newest released version. galaxy.yml already has the next one."""
    releases = yaml.safe_load((checkout / "changelogs" / "changelog.yaml").read_text())["releases"]
    return max(SemanticVersion(version) for version in releases)


def _sections(checkout: pathlib.Path) -> set[str]:
    """Return the sections of the changelog that the fragments have entries for."""
    sections: set[str] = set()
    for path in sorted((checkout / "changelogs" / "fragments").glob("*.y*ml")):
        sections |= {name for name, entries in (yaml.safe_load(path.read_text()) or {}).items() if entries}
    return sections


def _unreleased_versions(checkout: pathlib.Path, current: SemanticVersion) -> dict[str, str]:
    """Return the versions in ``version_added`` that are not released, each with a file that names it."""
    versions: dict[str, str] = {}
    for path in [*checkout.glob("plugins/*/*.py"), *checkout.glob("roles/*/meta/*.yml")]:
        for version in _VERSION_ADDED.findall(path.read_text()):
            if SemanticVersion(version) > current:
                versions[version] = str(path.relative_to(checkout))
    return versions


def _lowest_version(current: SemanticVersion, sections: set[str], unreleased: t.Iterable[str]) -> SemanticVersion:
    """Return the lowest version that semantic versioning allows for these changes."""
    major, minor, patch = current.major, current.minor, current.patch
    if current.is_prerelease:
        lowest = _core(current)
    elif sections & _BREAKING and major:
        lowest = f"{major + 1}.0.0"
    elif sections & (_BREAKING | _ADDING):
        lowest = f"{major}.{minor + 1}.0"
    else:
        lowest = f"{major}.{minor}.{patch + 1}"
    return max(SemanticVersion(version) for version in (lowest, *unreleased))


def check(checkout: pathlib.Path, requested: str) -> None:
    """Exit with an error if the checkout or the version cannot be released."""
    if _git(checkout, "status", "--porcelain"):
        _fail("the checkout has uncommitted changes or untracked files")
    sections = _sections(checkout)
    if not sections - {"trivial"}:
        _fail("nothing to release: changelogs/fragments has no fragment for users")
    current = _newest_release(checkout)
    unreleased = _unreleased_versions(checkout, current)
    lowest = _lowest_version(current, sections, unreleased)
    if not requested:
        _fail(f"set VERSION=x.y.z. By fragments and documentation the next version is {lowest.vstring}")
    try:
        version = SemanticVersion(requested)
    except ValueError:
        _fail(f"{requested} is not a semantic version (x.y.z, or x.y.z-rc.1)")
    if version <= current:
        _fail(f"{requested} is not newer than {current.vstring}")
    if _git(checkout, "tag", "--list", requested):
        _fail(f"tag {requested} already exists")
    for named, path in unreleased.items():
        if named != _core(version):
            _fail(f"{path} has version_added: {named}, but the release is {requested}")
    if SemanticVersion(_core(version)) < lowest:
        _fail(f"{requested} is too low for sections {', '.join(sorted(sections))}: use {lowest.vstring} or later")


def prepare(clone: pathlib.Path, output: pathlib.Path, version: str) -> None:
    """Make the release in a clone, and its files in ``output``."""
    metadata = clone / "galaxy.yml"
    text, count = re.subn(r"(?m)^version: .*$", f"version: {version}", metadata.read_text())
    if count != 1:
        _fail('galaxy.yml does not have a line "version: x.y.z"')
    metadata.write_text(text)
    changelog = ["antsibull-changelog", "release", "--reload-plugins"]
    subprocess.run(changelog, cwd=clone, check=True, stdout=sys.stderr)
    path = clone / "CHANGELOG.md"
    path.write_text(simplify_changelog(path.read_text()))
    tarball = pack.pack(clone, output)
    checksum = hashlib.sha256(tarball.read_bytes()).hexdigest()
    (output / "SHA256SUMS").write_text(f"{checksum}  {tarball.name}\n")
    latest = output / "TAG"
    generate = ["antsibull-changelog", "generate", "--only-latest", "--output-format", "rst", "--output", str(latest)]
    subprocess.run(generate, cwd=clone, check=True, stdout=sys.stderr)
    collection = yaml.safe_load(text)
    title = f"{collection['namespace']}.{collection['name']} {version}"
    latest.write_text(f"{title}\n\n{latest.read_text().strip()}\n")


def simplify_changelog(text: str) -> str:
    """The changelog of antsibull-changelog as plain Markdown, which is readable as text.

    It has no table of contents, anchors, HTML or escaped punctuation, and it names the changes that are not released.
    """
    title, _line, rest = text.partition("\n")
    start = rest.find('\n<a id="')
    rest = re.sub(r'<a id="[^"]*"></a>\n', "", rest[max(start, 0) :])
    rest = re.sub(r"<code>(.*?)</code>", lambda found: f"`{html.unescape(_unescape(found[1]))}`", rest)
    # Only the punctuation that is not markup within a line.
    rest = re.sub(r"\\([-.,:;()'!/+_])", r"\1", rest)
    return f"{_unescape(title)}\n\n{_UNRELEASED}\n{rest.strip()}\n"


def _unescape(text: str) -> str:
    return re.sub(r"\\([^\w\s])", r"\1", text)


def apply_changes(clone: pathlib.Path, checkout: pathlib.Path) -> None:
    """Apply the changes of a clone to the checkout."""
    _git(clone, "add", "--all")
    patch = _git(clone, "diff", "--cached", "--binary", "HEAD")
    subprocess.run(["git", "-C", str(checkout), "apply"], check=True, input=patch, text=True)


def print_summary(source: pathlib.Path, output: pathlib.Path, version: str) -> None:
    """Print the text of the tag, the checksum, and the commands that publish the release.

    :param source: where the files are now.
    :param output: where they are when the commands run.
    """
    print((source / "TAG").read_text())
    checksum = (source / "SHA256SUMS").read_text()
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
        clone, files = pathlib.Path(scratch, "clone"), pathlib.Path(scratch, "files")
        subprocess.run(["git", "clone", "--quiet", str(arguments.checkout), str(clone)], check=True)
        prepare(clone, files, arguments.version)
        if arguments.dry_run:
            print(_git(clone, "diff", "--stat"))
            print_summary(files, arguments.output, arguments.version)
            return
        apply_changes(clone, arguments.checkout)
        shutil.rmtree(arguments.output, ignore_errors=True)
        shutil.copytree(files, arguments.output)
    print_summary(arguments.output, arguments.output, arguments.version)


if __name__ == "__main__":
    main()
