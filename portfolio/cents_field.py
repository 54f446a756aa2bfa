"""A field for money as people write it."""

from typing import Any

from django import forms
from django.utils.translation import gettext as _

from portfolio.opportunity_form import cents_of


class CentsField(forms.CharField):
    """Cents; empty is nothing."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs = {"max_length": 20, "required": False, "widget": forms.TextInput({"inputmode": "decimal", "autocomplete": "off"})} | kwargs
        super().__init__(**kwargs)

    def clean(self, value: Any) -> int:
        text = super().clean(value)
        if not text.strip():
            return 0
        try:
            return cents_of(text)
        except ValueError:
            raise forms.ValidationError(_("Não é um valor. Escreva como 1.234,56.")) from None

    @staticmethod
    def written(cents: int | None) -> str:
        """What ``clean`` reads back; "" for nothing."""
        return f"{cents // 100},{cents % 100:02d}" if cents else ""
