"""The style guide at /ui/: every component on one page, for those who build pages. Served only while DEBUG is on."""

from types import SimpleNamespace
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

ROWS = [
    (1, "Casa de Carnes Bom Pasto", "Campinas/SP · curva A", "V-04", 1, "V-18", 2, "São Carlos", -26, "94 dias sem compra", 84_210_00),
    (2, "Supermercado Vila Nova", "Paulínia/SP · curva A", "V-04", 1, "V-18", 2, "São Carlos", 9, "101 dias sem compra", 71_905_00),
    (3, "Depósito Rocha Firme", "Mogi Mirim/SP · curva B", "V-04", 1, "V-09", 3, "Ribeirão Preto", -13, "118 dias sem compra", 38_440_00),
    (4, "Papelaria Folha Nova", "Itapira/SP · curva C", "V-04", 1, "V-18", 2, "São Carlos", -7, "97 dias sem compra", 9_120_00),
    (5, "Mercado Estrela do Sul", "Sorocaba/SP · curva B", "V-07", 4, "V-12", 5, "Vale do Paraíba", 136, "312 de 260 clientes", 27_300_00),
    (6, "Ferragens Cruzeiro", "Itu/SP · curva B", "V-07", 4, "V-04", 1, "Campinas", 13, "312 de 260 clientes", 44_018_00),
    (7, "Agropecuária Campo Limpo", "Porto Feliz/SP · curva A", "V-07", 4, "V-04", 1, "Campinas", 29, "312 de 260 clientes", 112_660_00),
    (8, "Drogaria Santa Rosa", "Salto/SP · curva B", "V-07", 4, "V-04", 1, "Campinas", 21, "312 de 260 clientes", 31_044_00),
]
SECOND = {2: "Autônomo: aceite", 5: "Destino mais longe"}
MONTHS = ["dez", "jan", "fev", "mar", "abr", "mai", "jun", "jul", "ago", "set", "out", "nov"]
BOUGHT = [4.1, 3.7, 5.0, 0, 4.5, 3.8, 4.3, 2.6, 1.8, 0, 0, 0]


class SampleForm(forms.Form):
    """One field of each kind."""

    name = forms.CharField(label="Nome", help_text="Como o cliente se apresenta.")
    cnpj = forms.CharField(label="CNPJ")
    amount = forms.CharField(label="Valor do pedido", required=False, initial="5.340,00")
    region = forms.ChoiceField(label="Região", choices=[("sp", "São Paulo"), ("mg", "Minas Gerais")])
    note = forms.CharField(label="Observação", required=False, widget=forms.Textarea(attrs={"rows": 3}))
    consent = forms.BooleanField(label="Avisar o vendedor por e-mail", required=False)


# What was said of ten groups of clients and what came, and a rule's flags by month in two versions.
PROVED: dict[str, Any] = {
    "calibrated": [
        {"predicted": p, "observed": o, "n": 120} for p, o in ((0.03, 0.02), (0.08, 0.1), (0.21, 0.18), (0.47, 0.5), (0.82, 0.8))
    ],
    "flagged": [("set", (31, 24)), ("out", (28, 25)), ("nov", (36, 30))],
    "versions": ["v7", "v8"],
    "tones": ["was", "z1"],
}


def sample_rows() -> list[dict]:
    names = ["id", "client", "place", "from", "from_colour", "to", "to_colour", "base", "change", "reason", "cents"]
    rows = []
    for values in ROWS:
        row: dict[str, Any] = dict(zip(names, values, strict=True))
        quiet = "0 visitas em 60 dias" if row["id"] < 5 else "Acima da capacidade"
        row |= {"reason_2": SECOND.get(row["id"], quiet), "caution": row["id"] in SECOND, "farther": row["id"] in {2, 5}}
        rows.append(row | {"picked": row["id"] < 5, "open": row["id"] == 3})
    return rows


@require_GET
def guide(request: HttpRequest) -> HttpResponse:
    if not getattr(request, "organization", None):
        sample: Any = request  # its middleware's attributes, for a page outside any organization
        sample.organization = SimpleNamespace(name="Distribuidora Vale Verde", slug="vale-verde", currency="BRL", is_demo=False)
        sample.membership = SimpleNamespace(name="Helena Prado", role="admin")
    form = SampleForm(initial={"name": "Empório Serra Clara", "consent": True})
    context = {
        "rows": sample_rows(),
        "months": [(label, value, f"R$ {value} mil") for label, value in zip(MONTHS, BOUGHT, strict=True)],
        "spark": [1.9, 2.2, 2.4, 2.7, 2.7, 3.0, 2.6, 3.0, 3.4, 3.4, 3.7, 3.42],
        **PROVED,
        "fall": [49, 45, 43, 46, 41, 39, 42, 40, 36, 38, 35, 34],
        "form": form,
    }
    return render(request, "ui/guide.html", context)
