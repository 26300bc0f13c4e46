"""The YAML configuration, as validated data: a module for each section, so that code reads those that it needs.

Every field stands here, or with its task, with its default, its bounds and what it means; `docs/configuration.md` is
written from it.
"""
