from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.tenancy.constraints import NAMED_EMAIL, NAMED_TOKEN, NAMED_USER, TenantPolicy, tenant_walls
from accounts.tenancy.models import TenantForeignKey, TenantModel


class UserManager(BaseUserManager):
    """Looks people up by e-mail; only inside ``identity_atomic`` does row security show anyone."""

    def create_user(self, email: str, password: str | None = None, **fields) -> "User":
        user = self.model(email=email.strip(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def get_by_natural_key(self, username: str) -> "User":
        return self.get(email_norm=normalized_email(username))


def normalized_email(email: str) -> str:
    """The form two spellings of one address share."""
    return email.strip().lower()


class User(AbstractBaseUser):
    """A sign-in. Everything an organization knows of a person lives in ``Membership``."""

    email = models.EmailField(_("e-mail"), max_length=254)
    email_norm = models.CharField(max_length=254, unique=True, editable=False)
    is_active = models.BooleanField(default=True)
    is_operator = models.BooleanField(default=False)
    language = models.CharField(_("idioma"), max_length=10, blank=True)
    theme = models.CharField(
        _("tema"), max_length=5, blank=True, choices=[("", _("Do sistema")), ("light", _("Claro")), ("dark", _("Escuro"))]
    )
    shortcuts = models.BooleanField(_("atalhos de teclado"), default=True)
    date_joined = models.DateTimeField(auto_now_add=True)

    objects = UserManager()

    USERNAME_FIELD = "email_norm"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: list[str] = []

    class Meta:
        constraints = [
            TenantPolicy(
                name="user",
                column="",
                also=(("u_self", "ALL", f"id = {NAMED_USER} OR email_norm = {NAMED_EMAIL}"),),
            ),
        ]

    def __str__(self) -> str:
        return self.email

    def save(self, *args, **kwargs) -> None:
        self.email = self.email_norm = normalized_email(self.email)  # allauth compares with the lower-case form
        super().save(*args, **kwargs)


class Role(models.TextChoices):
    ADMIN = "admin", _("Administração")
    MANAGER = "manager", _("Gerência")
    REPRESENTATIVE = "representative", _("Vendas")
    AUDITOR = "auditor", _("Auditoria")


class Team(TenantModel):
    """A node of the organization's tree; a manager sees their own team and those below it."""

    name = models.CharField(_("nome"), max_length=80)
    parent = TenantForeignKey("self", models.PROTECT, null=True, blank=True, related_name="children")

    class Meta:
        constraints = [
            *tenant_walls("team", "parent"),
            models.UniqueConstraint(fields=["organization", "name"], name="team_name"),
        ]

    def __str__(self) -> str:
        return self.name


class Membership(TenantModel):
    """A person in one organization: their role, their team and the name colleagues see."""

    user = models.ForeignKey(User, models.PROTECT, related_name="memberships", db_index=False)
    role = models.CharField(_("papel"), max_length=16, choices=Role.choices)
    name = models.CharField(_("nome"), max_length=120)
    team = TenantForeignKey(Team, models.PROTECT, null=True, blank=True, related_name="members")
    is_active = models.BooleanField(default=True)
    deactivated_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    seen_at = models.DateTimeField(null=True, blank=True)  # last use of this organization's pages, to ten minutes

    # Sign-in asks "which organizations am I in" before one is active; row security answers with one's own rows only.
    identities = models.Manager()

    class Meta:
        default_manager_name = "objects"
        constraints = [
            *tenant_walls("membership", "team", quiet=True, also=(("m_self", "SELECT", f"user_id = {NAMED_USER}"),)),
            models.UniqueConstraint(fields=["organization", "user"], name="membership_once"),
            models.CheckConstraint(condition=Q(role__in=Role.values), name="membership_role_known"),
        ]
        indexes = [models.Index(fields=["user", "organization"], name="membership_of_user")]

    def __str__(self) -> str:
        return self.name


class ApiToken(TenantModel):
    """A key for machines: 256 random bits kept as SHA-256, never more able than who made it."""

    membership = TenantForeignKey(Membership, models.PROTECT, related_name="tokens")
    name = models.CharField(max_length=80)
    prefix = models.CharField(max_length=12)
    token_hash = models.CharField(max_length=64)
    scopes = models.JSONField(default=list)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    identities = models.Manager()

    class Meta:
        default_manager_name = "objects"
        constraints = [
            *tenant_walls("apitoken", "membership", quiet=True, also=(("k_hash", "SELECT", f"token_hash = {NAMED_TOKEN}"),)),
            models.UniqueConstraint(fields=["organization", "token_hash"], name="apitoken_hash"),
        ]
        indexes = [models.Index(fields=["token_hash"], name="apitoken_by_hash")]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"
