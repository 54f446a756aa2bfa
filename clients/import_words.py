"""What the import pages call kinds and columns, what goes into each, and an example: the words of docs/import.md for a form."""

from typing import NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from clients.imports.kinds.base import Column, Kind

KINDS: dict[str, tuple[Promise, Promise]] = {
    "representatives": (_("Vendedores"), _("quem atende: código, nome, equipe, base")),
    "clients": (_("Clientes"), _("empresas, endereço, CNPJ e quem atende")),
    "contacts": (_("Contatos"), _("pessoas dos clientes")),
    "products": (_("Produtos"), _("catálogo, categoria e estoque")),
    "orders": (_("Pedidos"), _("um por linha, ou um item por linha")),
    "ownership": (_("Histórico de carteira"), _("quem atendeu cada cliente, de que dia a que dia")),
    "visits": (_("Visitas"), _("visitas já feitas")),
    "contracts": (_("Contratos"), _("início, fim e valor")),
    "credit": (_("Crédito"), _("score, atrasos e ocorrências por dia")),
}


class Words(NamedTuple):
    """A column's name for people, what goes into its cells, and a cell that would be taken."""

    label: Promise | str
    form: Promise | str = ""
    example: str = ""


_CODE = _("como no seu sistema; é por ele que a linha é reconhecida")
_KNOWN_CLIENT = _("o código de um cliente já importado")
_KNOWN_REP = _("o código de um vendedor já importado")
_DAY = _("AAAA-MM-DD ou DD/MM/AAAA")
_MONEY = _("com vírgula ou ponto, com ou sem R$")
_YES = _("sim ou não; vazio é não")
_LIST = _("vários, separados por ; ou |")
_DEGREES = _("graus, por exemplo -23,5505")
_WHOLE = _("número inteiro")

COLUMNS: dict[str, Words] = {
    "client_code": Words(_("Código do cliente"), _CODE, "C1001"),
    "representative_code": Words(_("Código do vendedor"), _KNOWN_REP, "V-04"),
    "product_code": Words(_("Código do produto"), _CODE, "7891000"),
    "order_code": Words(_("Número do pedido"), _CODE, "P-20260315-7"),
    "contract_code": Words(_("Número do contrato"), _CODE, "CT-88"),
    "name": Words(_("Nome ou razão social"), "", "Empório Vale Verde Ltda"),
    "trade_name": Words(_("Nome fantasia"), "", "Empório Vale Verde"),
    "tax_id": Words(_("CNPJ"), _("com ou sem pontos; os dígitos são conferidos"), "11.222.333/0001-81"),
    "segment": Words(_("Segmento"), "", "Varejo"),
    "size": Words(_("Porte"), "", "Médio"),
    "address": Words(_("Endereço"), "", "Rua das Flores, 120"),
    "city": Words(_("Cidade"), "", "Campinas"),
    "ibge_code": Words(_("Código do IBGE"), _("7 dígitos"), "3509502"),
    "state": Words(_("UF"), _("a sigla"), "SP"),
    "latitude": Words(_("Latitude"), _DEGREES, "-22.9056"),
    "longitude": Words(_("Longitude"), _DEGREES, "-47.0608"),
    "phone": Words(_("Telefone"), "", "(19) 3232-1000"),
    "email": Words(_("E-mail"), "", "compras@valeverde.com.br"),
    "tags": Words(_("Etiquetas"), _LIST, "vip;novo"),
    "hold": Words(_("Nunca girar"), _YES, "não"),
    "blocked": Words(_("Bloqueado"), _YES, "não"),
    "role": Words(_("Cargo"), "", "Compradora"),
    "decision_role": Words(_("Papel na decisão"), "", "Decide"),
    "preferred_channel": Words(_("Canal preferido"), "", "WhatsApp"),
    "category": Words(_("Categoria"), "", "Bebidas"),
    "unit": Words(_("Unidade"), "", "CX"),
    "stock_quantity": Words(_("Quantidade em estoque"), _MONEY, "120"),
    "stock_since": Words(_("Em estoque desde"), _DAY, "2026-01-10"),
    "season": Words(_("Estação"), "", "Verão"),
    "ordered_on": Words(_("Data do pedido"), _DAY, "2026-03-15"),
    "status": Words(_("Situação do pedido"), _("válido, cancelado ou devolvido; vazio é válido"), "válido"),
    "amount": Words(_("Valor"), _MONEY, "1.234,56"),
    "quantity": Words(_("Quantidade"), "", "12"),
    "unit_price": Words(_("Preço unitário"), _MONEY, "19,90"),
    "started_on": Words(_("Primeiro dia"), _DAY, "2025-01-01"),
    "ended_on": Words(_("Último dia"), _("vazio: continua até hoje"), "2025-06-30"),
    "starts_on": Words(_("Início da vigência"), _DAY, "2026-01-01"),
    "ends_on": Words(_("Fim da vigência"), _DAY, "2026-12-31"),
    "period": Words(_("Período"), _("mensal, semestral ou anual"), "anual"),
    "orders_expected": Words(_("Espera pedidos"), _("não para contratos de serviço; vazio é sim"), "sim"),
    "reason": Words(_("Motivo"), "", "Mudança de região"),
    "visited_at": Words(_("Dia e hora da visita"), _("AAAA-MM-DD HH:MM ou DD/MM/AAAA HH:MM"), "15/03/2026 14:30"),
    "outcome": Words(_("Resultado"), _("vendeu, não vendeu, não estava ou fechado"), "vendeu"),
    "no_sale_reason": Words(_("Motivo de não venda"), "", "Estoque cheio"),
    "note": Words(_("Anotação"), "", "Pediu tabela nova"),
    "next_contact_on": Words(_("Próximo contato"), _DAY, "2026-04-02"),
    "observed_on": Words(_("Dia da consulta"), _DAY, "2026-03-15"),
    "score": Words(_("Score"), _WHOLE, "720"),
    "overdue_amount": Words(_("Valor em atraso"), _MONEY, "0"),
    "restrictions": Words(_("Restrições"), _WHOLE, "0"),
    "event": Words(_("Ocorrência"), "", "Protesto"),
    "contract_type": Words(_("Tipo de contrato"), _("CLT ou autônomo"), "autônomo"),
    "team": Words(_("Equipe"), _("criada se ainda não existir"), "Interior"),
    "base_city": Words(_("Cidade-base"), "", "Ribeirão Preto"),
    "base_state": Words(_("UF da base"), _("a sigla"), "SP"),
    "capacity_clients": Words(_("Capacidade em clientes"), _WHOLE, "150"),
    "capacity_minutes_week": Words(_("Minutos por semana"), _WHOLE, "2400"),
    "receive_ceiling": Words(_("Máximo a receber por giro"), _WHOLE, ""),
    "give_ceiling": Words(_("Máximo a ceder por giro"), _WHOLE, ""),
    "regions": Words(_("Regiões"), _LIST, "SP;MG"),
    "segments": Words(_("Segmentos"), _LIST, "Varejo;Atacado"),
    "valid_from": Words(_("Atende desde"), _DAY, "2024-02-01"),
    "valid_to": Words(_("Atende até"), _("vazio: continua"), ""),
}
# Where a column means something else in one kind of file.
OF_KIND: dict[tuple[str, str], Words] = {
    ("representatives", "representative_code"): Words(_("Código do vendedor"), _CODE, "V-04"),
    ("representatives", "name"): Words(pgettext_lazy("column", "Nome"), "", "Ana Souza"),
    ("representatives", "email"): Words(_("E-mail"), "", "ana@empresa.com.br"),
    ("contacts", "name"): Words(pgettext_lazy("column", "Nome"), "", "Marina Alves"),
    ("contacts", "client_code"): Words(_("Código do cliente"), _KNOWN_CLIENT, "C1001"),
    ("products", "name"): Words(pgettext_lazy("column", "Nome"), "", "Suco de uva 1 l"),
    ("clients", "representative_code"): Words(_("Código do vendedor"), _("quem atende de hoje em diante; vazio deixa como está"), "V-04"),
    ("orders", "representative_code"): Words(_("Código do vendedor"), _("quem vendeu, segundo o seu sistema"), "V-04"),
    ("orders", "product_code"): Words(_("Código do produto"), _("com quantidade e preço, um item por linha"), "7891000"),
}


def kind_label(kind: str) -> str:
    return str(KINDS[kind][0]) if kind in KINDS else kind


def words_of(kind: str, column: str) -> Words:
    """A column's words in a kind of file; one nobody described yet is called by its own name."""
    found = OF_KIND.get((kind, column)) or COLUMNS.get(column)
    if found is None:
        return Words(column)
    if column == "client_code" and kind != "clients":
        return found._replace(form=_KNOWN_CLIENT)
    return found


def words_for(kind: type[Kind], column: Column) -> Words:
    """The same of a column at hand, which may be one of the organization's own fields."""
    return Words(column.label, column.form, column.example) if column.own else words_of(kind.name, column.name)
