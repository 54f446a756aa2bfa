"""Forms of the settings that this app holds."""

from collections.abc import Sequence
from typing import Any
from zoneinfo import available_timezones

from babel import Locale
from babel.numbers import get_currency_name
from django import forms
from django.conf import settings
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

# The usual ones first; any other zone or currency may be written.
ZONES = [
    "America/Sao_Paulo", "America/Manaus", "America/Belem", "America/Fortaleza", "America/Recife", "America/Bahia", "America/Cuiaba",
    "America/Porto_Velho", "America/Rio_Branco", "America/Noronha", "America/Buenos_Aires", "America/Montevideo", "America/Asuncion",
    "America/Santiago", "America/Lima", "America/Bogota", "America/Mexico_City", "Europe/Lisbon", "Europe/Madrid", "UTC",
]  # fmt: skip
CURRENCIES = ["BRL", "USD", "EUR", "ARS", "CLP", "COP", "MXN", "PEN", "PYG", "UYU"]
COUNTRIES = ["BR", "AR", "BO", "CL", "CO", "EC", "MX", "PE", "PT", "PY", "ES", "US", "UY", "VE"]
MOST_REASONS = 30


class LinesField(forms.CharField):
    """A list of short texts, one a line, each once."""

    widget = forms.Textarea

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, widget=forms.Textarea(attrs={"rows": 6}), **kwargs)

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value

    def clean(self, value: Any) -> list[str]:
        lines = [" ".join(line.split()) for line in (super().clean(value) or "").splitlines()]
        words = list(dict.fromkeys(line for line in lines if line))
        if len(words) > MOST_REASONS:
            raise forms.ValidationError(_("São %(n)d motivos; deixe até 30.") % {"n": len(words)})
        long = next((word for word in words if len(word) > 120), None)
        if long:
            raise forms.ValidationError(_("“%(start)s…” tem mais de 120 letras. Encurte.") % {"start": long[:40]})
        return words


class IdentityForm(forms.Form):
    """Who the company is, and in what words, money and hours it works."""

    name = forms.CharField(label=_("Nome da empresa"), max_length=120)
    language = forms.ChoiceField(label=_("Idioma"), choices=settings.LANGUAGES, help_text=_("De quem não escolheu outro no perfil."))
    country = forms.ChoiceField(label=_("País"), help_text=_("Diz os feriados e o formato do telefone."))
    currency = forms.ChoiceField(label=_("Moeda"), help_text=_("Só muda o sinal: valores não são convertidos."))
    time_zone = forms.CharField(
        label=_("Fuso horário"),
        max_length=64,
        help_text=_("Diz onde começa o dia da empresa: prazos, agenda e giros seguem este fuso."),
        widget=forms.TextInput(attrs={"list": "zones", "autocomplete": "off"}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)

        spoken = Locale.parse((get_language() or "pt-br").replace("-", "_"))
        initial = kwargs.get("initial") or {}
        self.fields["country"].choices = _with(initial.get("country"), [(code, spoken.territories.get(code, code)) for code in COUNTRIES])  # type: ignore[attr-defined]
        words = [(code, f"{code} · {get_currency_name(code, locale=spoken)}") for code in CURRENCIES]
        self.fields["currency"].choices = _with(initial.get("currency"), words)  # type: ignore[attr-defined]

    def clean_time_zone(self) -> str:
        zone = self.cleaned_data["time_zone"].strip()
        if zone not in available_timezones():
            raise forms.ValidationError(
                _("“%(name)s” não é um fuso horário conhecido. Use, por exemplo, America/Sao_Paulo.") % {"name": zone}
            )
        return zone


def _with(kept: str | None, offered: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """What is on offer, and what is in force even where it is not."""
    known = {code for code, _word in offered}
    return [*offered, (kept, kept)] if kept and kept not in known else offered


class SecurityForm(forms.Form):
    """Whether everybody proves themselves twice, and from when."""

    require_second_factor = forms.BooleanField(
        label=_("Exigir segundo fator de todos"),
        required=False,
        help_text=_("Um aplicativo autenticador ou uma chave de acesso, além da senha."),
    )
    grace_days = forms.IntegerField(
        label=_("Prazo para quem ainda não tem"),
        min_value=0,
        max_value=90,
        required=False,
        help_text=_("Dias até que se exija. Quem não tem é avisado por e-mail. Zero exige já."),
    )


# The product's own reasons by field, for a company that wrote none: the app that offers them puts them here.
OFFERED: dict[str, Sequence[Any]] = {}


class ReasonsForm(forms.Form):
    """What people choose from when they say why."""

    discard_reasons = LinesField(label=_("Motivos de descarte"), help_text=_("Um por linha, até 30. Em branco, valem os do produto."))
    loss_reasons = LinesField(
        label=_("Motivos de perda de oportunidade"), help_text=_("Um por linha, até 30. Em branco, valem os do produto.")
    )
    stop_reasons = LinesField(
        label=_("Motivos de parar de comprar"),
        help_text=_("Para clientes inativos e perdidos. Um por linha, até 30. Em branco, valem os do produto."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, reasons in OFFERED.items():
            self.fields[name].widget.attrs["placeholder"] = "\n".join(str(each) for each in reasons)


class RetentionForm(forms.Form):
    """How long what names people is kept."""

    notices_kept_days = forms.IntegerField(
        label=_("Avisos lidos"), min_value=7, max_value=3_650, required=False, help_text=_("Em branco, ficam sempre.")
    )
    photos_kept_days = forms.IntegerField(
        label=_("Fotos de visitas"), min_value=30, max_value=3_650, required=False, help_text=_("Em branco, ficam sempre.")
    )
