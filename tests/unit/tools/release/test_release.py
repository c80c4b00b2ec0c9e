# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from tools.release.release import simplify_changelog

GENERATED = r"""# eksops\.irsa Release Notes

**Topics**

- <a href="#v0-2-0">v0\.2\.0</a>
    - <a href="#minor-changes">Minor Changes</a>

<a id="v0-2-0"></a>
## v0\.2\.0

<a id="minor-changes"></a>
### Minor Changes

* pod\_rollout \- <code>role\_arn\: \&lt\;ARN\&gt\;</code> takes 2 \* 3 pods\, \<b\>\.
"""


def test_changelog_is_readable_as_text() -> None:
    assert (
        simplify_changelog(GENERATED)
        == r"""# eksops.irsa Release Notes

## Unreleased

See the fragments in `changelogs/fragments` of the repository, one file for each subject.

## v0.2.0

### Minor Changes

* pod_rollout - `role_arn: <ARN>` takes 2 \* 3 pods, \<b\>.
"""
    )
