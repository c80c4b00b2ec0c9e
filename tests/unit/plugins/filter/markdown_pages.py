# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Markdown parser like those of GitHub and GitLab, and texts that could break Markdown."""

from __future__ import annotations

from hypothesis import strategies as st
from markdown_it import MarkdownIt

# CommonMark with tables and strike-through.
MARKDOWN = MarkdownIt("commonmark").enable(["table", "strikethrough"])
# The characters of backslash escapes, tables, fences, tags, links, entities and lists.
texts = st.text(alphabet=st.sampled_from("aZ9 .-+#|\\`*_~[]()<>&;!\"'\t\n:/"), min_size=1, max_size=30).filter(
    str.strip
)
