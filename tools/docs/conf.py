"""Sphinx's settings for the documentation site. lay_out.py copies this file beside the pages that it lays out."""

from __future__ import annotations

import pathlib

HERE = pathlib.Path(__file__).parent

project = "eksops.irsa"
author = "eksops.irsa contributors"
project_copyright = "eksops.irsa contributors"
release = (HERE / "version").read_text(encoding="utf-8").strip()
html_title = f"{project} {release}"

extensions = ["sphinx.ext.intersphinx", "sphinx_antsibull_ext"]
# A reference that leads nowhere is an error. Those to Ansible's own documentation are in an inventory made here, since
# the one that is published would need a network.
nitpicky = True
default_role = "any"
intersphinx_mapping = {
    "ansible_devel": ("https://docs.ansible.com/projects/ansible/devel/", str(HERE / "ansible.inv")),
}

highlight_language = "YAML+Jinja"
smartquotes = False
html_theme = "furo"
html_static_path = ["_site"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sourcelink = False
html_show_sphinx = False
html_use_index = False
html_theme_options = {
    # Each with a contrast that is readable; the dark one follows the reader's system, or the button.
    "light_css_variables": {"color-brand-primary": "#0b57a4", "color-brand-content": "#0b57a4"},
    "dark_css_variables": {"color-brand-primary": "#7ab8ff", "color-brand-content": "#7ab8ff"},
}
pygments_style = "a11y-high-contrast-light"
pygments_dark_style = "github-dark"
