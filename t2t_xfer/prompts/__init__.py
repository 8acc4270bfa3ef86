"""Prompt templates: from fields to text, keeping track of where every field sits."""

from t2t_xfer.prompts.template import Rendered, Template

__all__ = ["Rendered", "Template"]
