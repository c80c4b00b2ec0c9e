"""Settings of Sphinx for the documentation site. lay_out.py copies this file to the site's directory."""

from __future__ import annotations

import pathlib

HERE = pathlib.Path(__file__).parent

project = "eksops.irsa"
author = "eksops.irsa contributors"
project_copyright = "eksops.irsa contributors"
release = (HERE / "version").read_text(encoding="utf-8").strip()
html_title = f"{project} {release}"

extensions = ["sphinx_antsibull_ext"]
# Unresolved references are errors. References to Ansible's own documentation cannot be resolved without a network.
# References to other collections are checked by antsibull-docs lint-collection-docs.
nitpicky = True
nitpick_ignore_regex = [
    ("std:ref", r"ansible_collections\.(?!eksops\.irsa\.).*"),
    ("std:ref", "action_plugins|ansible_configuration_settings|common_return_values"),
    ("std:envvar", "ANSIBLE_.*"),
]
default_role = "any"

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
    # Colours with enough contrast in the light and dark themes.
    "light_css_variables": {"color-brand-primary": "#0b57a4", "color-brand-content": "#0b57a4"},
    "dark_css_variables": {"color-brand-primary": "#7ab8ff", "color-brand-content": "#7ab8ff"},
}
pygments_style = "a11y-high-contrast-light"
pygments_dark_style = "github-dark"
