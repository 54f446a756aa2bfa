"""What this app's events mean; imported by ``ClientsConfig.ready``."""

from django.utils.translation import gettext_lazy as _

from accounts.trail import Subject, fields, kinds, subjects, values
from clients.models import Client, Colleague, CustomField, ImportJob, Opportunity, Product, Segment
from clients.selectors.by_word import client_ids, typed_terms
from clients.selectors.visibility import Reach
from clients.selectors.words import search_tokens

EVERYBODY = Reach(None, [])  # the trail is read by administration and audit, who reach every client


def _clients(ids: list[int]) -> dict[int, tuple[str, str]]:
    rows = Client.objects.filter(pk__in=ids).only("pk", "name", "trade_name", "organization_id")
    return {row.pk: (str(row), f"clients/{row.pk}/") for row in rows}


def _clients_like(text: str, most: int) -> list[str]:
    tokens = search_tokens(text)
    return [f"client:{pk}" for pk in client_ids(EVERYBODY, [typed_terms(tokens)], most=most)] if tokens else []


def _opportunities(ids: list[int]) -> dict[int, tuple[str, str]]:
    return {pk: (title, f"opportunities/{pk}/") for pk, title in Opportunity.objects.filter(pk__in=ids).values_list("pk", "title")}


def _segments(ids: list[int]) -> dict[int, tuple[str, str]]:
    return {pk: (name, "clients/segments/") for pk, name in Segment.objects.filter(pk__in=ids).values_list("pk", "name")}


def _imports(ids: list[int]) -> dict[int, tuple[str, str]]:
    return {pk: (name, "") for pk, name in ImportJob.objects.filter(pk__in=ids).values_list("pk", "file_name")}


def _products(ids: list[int]) -> dict[int, tuple[str, str]]:
    return {pk: (name, f"products/{pk}/") for pk, name in Product.objects.filter(pk__in=ids).values_list("pk", "name")}


def _custom_fields(ids: list[int]) -> dict[int, tuple[str, str]]:
    return {pk: (name, "settings/fields/") for pk, name in CustomField.objects.filter(pk__in=ids).values_list("pk", "name")}


subjects(
    {
        "client": Subject(_("Cliente"), _clients, _clients_like),
        "opportunity": Subject(_("Oportunidade"), _opportunities),
        "segment": Subject(_("Segmento"), _segments),
        "import": Subject(_("Importação"), _imports),
        "product": Subject(_("Produto"), _products),
        "field": Subject(_("Campo próprio"), _custom_fields),
    }
)
kinds(
    "clients",
    {
        "client.discarded": _("Descartou o cliente"),
        "client.stop_told": _("Disse por que o cliente parou de comprar"),
        "client.lost_declared": _("Declarou o cliente perdido"),
        "client.lost_taken_back": _("Desfez a declaração de cliente perdido"),
        "client.restored": _("Trouxe de volta o cliente descartado"),
        "client.merged": _("Juntou outro cadastro a este cliente"),
        "client.absorbed": _("Foi juntado a outro cadastro"),
        "client.merge_undone": _("Separou cadastros que se juntaram"),
        "client.identified": _("Escreveu o CNPJ do cliente"),
        "client.placed": _("Pôs o cliente no mapa"),
        "client.said_distinct": _("Disse que os cadastros são de clientes diferentes"),
        "client.segmented": _("Escreveu o segmento do cliente"),
        "product.marked": _("Marcou o produto"),
        "colleague.named": _("Pôs um colega no cliente"),
        "colleague.taken_off": _("Tirou um colega do cliente"),
        "contact.added": _("Acrescentou um contato"),
        "contact.changed": _("Mudou um contato"),
        "contact.consented": _("Anotou que o contato aceita ser procurado"),
        "contact.refused": _("Anotou que o contato não quer ser procurado"),
        "discard.proposed": _("Propôs descartar o cliente"),
        "discard.refused": _("Manteve o cliente que se propôs descartar"),
        "opportunity.opened": _("Abriu a oportunidade"),
        "opportunity.changed": _("Mudou a oportunidade"),
        "opportunity.moved": _("Mudou a etapa da oportunidade"),
        "segment.saved": _("Salvou o segmento"),
        "segment.renamed": _("Renomeou o segmento"),
        "segment.deleted": _("Apagou o segmento"),
        "segment.restored": _("Trouxe de volta o segmento"),
        "custom.changed": _("Mudou campos próprios"),
        "custom.erased": _("Apagou valores cujo prazo acabou"),
    },
)
kinds(
    "settings",
    {
        "field.created": _("Criou um campo próprio"),
        "field.changed": _("Mudou um campo próprio"),
        "field.hidden": _("Desligou um campo próprio"),
        "field.shown": _("Ligou de novo um campo próprio"),
    },
)
kinds(
    "data",
    {
        "import.finished": _("Importou um arquivo"),
        "import.failed": _("Importação que falhou"),
        "import.uploaded": _("Enviou um arquivo para importar"),
        "import.checked": _("Conferiu o arquivo"),
        "import.confirmed": _("Confirmou a importação"),
        "import.cancel_asked": _("Pediu para cancelar a importação"),
        "import.cancelled": _("Cancelou a importação"),
        "import.refused_downloaded": _("Baixou as linhas recusadas"),
    },
)
fields(
    {
        "part": _("parte"),
        "on": _("dia"),
        "contact": _("contato"),
        "source": _("origem"),
        "stage": _("etapa"),
        "title": _("título"),
        "value_cents": _("valor"),
        "kind": _("tipo"),
        "purpose": _("finalidade"),
        "retention_days": _("dias guardado"),
        "choices": _("opções"),
        "values": _("valores"),
        "added": _("acrescentados"),
        "changed": _("mudados"),
        "refused": _("recusados"),
        "unchanged": _("iguais"),
        "consent_on": _("consentiu em"),
        "refused_on": _("recusou em"),
    }
)
values(
    {
        "stage": dict(Opportunity.Stage.choices),
        "part": dict(Colleague.Part.choices),
        "kind": dict(CustomField.Kind.choices),
    }
)
