from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Representative
from accounts.tenancy.constraints import tenant_walls
from accounts.tenancy.models import TenantDetail, TenantForeignKey, TenantModel


class Unaccented(models.Func):
    """Lower case without accents, immutable, so that a stored generated column can hold it."""

    template = r"lower(regexp_replace(normalize(%(expressions)s, NFKD), '[\u0300-\u036f]', '', 'g'))"
    output_field = models.TextField()


class TwinKey(models.Func):
    """Name and city by which one company registered twice is recognized: letters and digits only, without the words of its legal form.

    Empty where either is: a name alone, in a country, is no sign of anything.
    """

    _FORMS = r"\m(ltda|me|epp|eireli|mei|cia|s[./ ]?a|sa|srl|sac|inc|llc|ltd)\M"
    _BARE = "regexp_replace(lower(normalize({0}, NFKD)), '[^[:alnum:]]|" + _FORMS + "', '', 'g')"
    template = (
        "CASE WHEN btrim(city) = '' OR " + _BARE.format("name") + " = '' THEN ''"
        " ELSE " + _BARE.format("name") + " || '/' || " + _BARE.format("city") + " END"
    )
    output_field = models.TextField()


class LastWord(Unaccented):
    """The last word of it, written as ``Unaccented`` writes: by which a person is looked for too."""

    template = rf"regexp_replace(btrim({Unaccented.template}), '^.*[[:space:]]', '')"


class Client(TenantModel):
    """A company that buys, may buy or bought. Whether it is active is computed from its orders, never typed in.

    ``representative`` mirrors the open row of the ownership ledger and changes in the same statement as it.
    """

    code = models.CharField(_("código"), max_length=60)
    name = models.CharField(_("razão social"), max_length=200)
    trade_name = models.CharField(_("nome fantasia"), max_length=200, blank=True)
    name_key = models.GeneratedField(
        expression=Unaccented(models.functions.Coalesce(models.functions.NullIf("trade_name", models.Value("")), "name")),
        output_field=models.TextField(),
        db_persist=True,
    )
    tax_id = models.CharField(_("CNPJ"), max_length=20, blank=True)  # normalised: letters and digits only
    tax_id_root = models.CharField(max_length=8, blank=True)
    segment = models.CharField(_("segmento"), max_length=60, blank=True)
    size = models.CharField(_("porte"), max_length=30, blank=True)
    address = models.CharField(_("endereço"), max_length=200, blank=True)
    city = models.CharField(_("cidade"), max_length=80, blank=True)
    ibge_code = models.CharField(max_length=7, blank=True)
    state = models.CharField(_("UF"), max_length=3, blank=True)
    latitude = models.FloatField(null=True, blank=True)
    longitude = models.FloatField(null=True, blank=True)
    phone = models.CharField(_("telefone"), max_length=30, blank=True)
    email = models.EmailField(_("e-mail"), blank=True)
    state_tax_id = models.CharField(_("inscrição estadual"), max_length=30, blank=True)
    tags = ArrayField(models.CharField(max_length=40), default=list, blank=True)
    custom_fields = models.JSONField(default=dict, blank=True)

    hold = models.BooleanField(_("nunca girar"), default=False)
    hold_until = models.DateField(_("não girar até"), null=True, blank=True)  # its last day; granted on a representative's request
    blocked = models.BooleanField(_("bloqueado"), default=False)
    key_account = models.BooleanField(_("conta-chave"), default=False)
    discarded_on = models.DateField(null=True, blank=True)
    discard_reason = models.CharField(max_length=120, blank=True)
    # The last order day of the silence that a person declared lost (ClientStop holds who, when and why); an order after it ends that.
    lost_silence = models.DateField(null=True, blank=True)

    # Columns that files do not bring have defaults in the database too: imports write rows without the models.
    # A prospect is a client that never bought: where it came from, who met it first, and until when that counts.
    source = models.CharField(_("origem"), max_length=40, blank=True, db_default="")
    channel = models.CharField(_("canal"), max_length=40, blank=True, db_default="")
    service_type = models.CharField(_("tipo de atendimento"), max_length=40, blank=True, db_default="")
    registered_by = TenantForeignKey(Representative, models.PROTECT, null=True, blank=True, related_name="registered_clients")
    protected_until = models.DateField(null=True, blank=True)  # the first day others may have it
    visit_every_days = models.PositiveSmallIntegerField(_("dias entre visitas"), null=True, blank=True)  # None: its class's

    representative = TenantForeignKey(Representative, models.PROTECT, null=True, blank=True, related_name="clients")
    # A second registration of a company, merged into the first: discarded, nobody's, an alias. Who names its code means ``merged_into``.
    merged_into = TenantForeignKey("self", models.PROTECT, null=True, blank=True, related_name="aliases")
    merged_on = models.DateField(null=True, blank=True)
    twin_key = models.GeneratedField(expression=TwinKey("name", "city"), output_field=models.TextField(), db_persist=True)
    created_at = models.DateTimeField(auto_now_add=True)
    registered_on = models.DateField(null=True, blank=True)  # when the company met this client, for the guard on new clients

    class Meta:
        constraints = [
            *tenant_walls("client", "representative", "registered_by", "merged_into"),
            models.UniqueConstraint(fields=["organization", "code"], name="client_code"),
            models.CheckConstraint(
                condition=Q(merged_into=None) | Q(discarded_on__isnull=False, representative=None, merged_on__isnull=False),
                name="client_alias_is_nobodys",
            ),
        ]
        indexes = [
            models.Index(fields=["organization", "representative", "name_key", "id"], name="client_of_representative"),
            models.Index(fields=["organization", "name_key", "id"], name="client_by_name"),
            # What a list can be narrowed to is read by hopping over these from one distinct value to the next.
            models.Index(fields=["organization", "state", "representative"], name="client_by_state"),
            models.Index(fields=["organization", "segment", "representative"], name="client_by_segment"),
            models.Index(fields=["organization", "hold_until"], condition=Q(hold_until__isnull=False), name="client_held"),
            # Companies registered twice stand beside each other here: found by reading the index once, however many clients.
            models.Index(fields=["organization", "tax_id_root", "tax_id", "id"], condition=~Q(tax_id_root=""), name="client_by_tax_root"),
            models.Index(fields=["organization", "twin_key", "id"], condition=~Q(twin_key=""), name="client_by_twin_key"),
            models.Index(fields=["organization", "id"], condition=Q(latitude=None), name="client_without_place"),
            # Few, and left out of every figure: asked for by themselves, so that nobody looks at all clients for them.
            models.Index(
                fields=["organization", "discarded_on"], include=["id"], condition=Q(discarded_on__isnull=False), name="client_discarded"
            ),
            models.Index(fields=["organization", "merged_into"], condition=Q(merged_into__isnull=False), name="client_aliases"),
        ]

    def __str__(self) -> str:
        return self.trade_name or self.name


class ClientWord(TenantDetail):
    """Words a client is found by: of its names, its code, its CNPJ, its phone. Up to three a row, and up to two that are all digits.

    A row a word would be checked against its client, numbered and entered in two more indexes for each word: most of what writing
    words costs. Digits stand apart because nobody mistypes them into a word: typos are looked for in three places, not five. What
    finds no place there, as one word alone in a row, is found as well; a client's rows become full ones when it is written next.
    """

    client = TenantForeignKey(Client, models.CASCADE, related_name="words")
    word = models.CharField(max_length=60)
    word_2 = models.CharField(max_length=60, null=True, blank=True)  # noqa: DJ001 - NULL stands in no index, unlike an empty text
    word_3 = models.CharField(max_length=60, null=True, blank=True)  # noqa: DJ001
    number = models.CharField(max_length=60, null=True, blank=True)  # noqa: DJ001
    number_2 = models.CharField(max_length=60, null=True, blank=True)  # noqa: DJ001

    class Meta:
        constraints = [
            *tenant_walls("clientword", "client"),
            # With all words, so that whether a client found by one word has another too is read here alone.
            models.UniqueConstraint(
                fields=["organization", "client", "word"], include=["word_2", "word_3", "number", "number_2"], name="clientword_once"
            ),
        ]
        indexes = [
            models.Index(fields=["organization", "word", "client"], name="clientword_lookup"),
            models.Index(fields=["organization", "word_2", "client"], condition=Q(word_2__isnull=False), name="clientword_lookup_2"),
            models.Index(fields=["organization", "word_3", "client"], condition=Q(word_3__isnull=False), name="clientword_lookup_3"),
            models.Index(fields=["organization", "number", "client"], condition=Q(number__isnull=False), name="clientword_number"),
            models.Index(fields=["organization", "number_2", "client"], condition=Q(number_2__isnull=False), name="clientword_number_2"),
        ]

    def __str__(self) -> str:
        return " ".join(filter(None, (self.word, self.word_2, self.word_3, self.number, self.number_2)))


class Contact(TenantModel):
    """A person at a client, and how much they decide."""

    client = TenantForeignKey(Client, models.PROTECT, related_name="contacts")
    name = models.CharField(_("nome"), max_length=120)
    name_key = models.GeneratedField(expression=Unaccented("name"), output_field=models.TextField(), db_persist=True)
    last_name_key = models.GeneratedField(expression=LastWord("name"), output_field=models.TextField(), db_persist=True)
    role = models.CharField(_("cargo"), max_length=80, blank=True)
    decision_role = models.CharField(_("papel na decisão"), max_length=40, blank=True)
    email = models.EmailField(_("e-mail"), blank=True)
    phone = models.CharField(_("telefone"), max_length=30, blank=True)
    preferred_channel = models.CharField(_("canal preferido"), max_length=30, blank=True)
    # Consent to be contacted: when and how it was given, and when it was taken back (the later of the two holds).
    consent_on = models.DateField(_("consentiu em"), null=True, blank=True)
    consent_source = models.CharField(_("como consentiu"), max_length=80, blank=True, db_default="")
    refused_on = models.DateField(_("recusou em"), null=True, blank=True)
    refusal_source = models.CharField(_("como recusou"), max_length=80, blank=True, default="", db_default="")

    class Meta:
        constraints = [
            *tenant_walls("contact", "client"),
            models.UniqueConstraint(fields=["organization", "client", "name"], name="contact_of_client"),
        ]
        indexes = [
            models.Index(fields=["organization", "name_key"], name="contact_by_name"),
            models.Index(fields=["organization", "last_name_key"], name="contact_by_last_name"),
        ]

    def __str__(self) -> str:
        return self.name
