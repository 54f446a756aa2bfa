"""Twelve representatives in three teams, and the people who sign in."""

from dataclasses import dataclass

from .days import ANCHOR

DOMAIN = "vale-verde.example"
PASSWORD = "carteira-demo-2026"


@dataclass(frozen=True)
class Representative:
    """One representative; ``joined`` and ``left`` are days of the story, ``clients`` how many they answer for at its end."""

    code: str
    name: str
    contract: str
    team: str
    base: tuple[str, str]
    regions: tuple[str, ...]
    clients: int
    capacity: int
    joined: int
    left: int | None = None
    segments: tuple[str, ...] = ()

    @property
    def email(self) -> str:
        return f"{self.code.replace('-', '').lower()}@{DOMAIN}"

    def serves(self, state: str, segment: str) -> bool:
        return state in self.regions and (not self.segments or segment in self.segments)

    def valid(self, day: int) -> bool:
        return self.joined <= day and (self.left is None or day < self.left)


CENTRE, INTERIOR, BORDER = "Campinas e região", "Interior paulista", "Minas e Paraná"
_FOOD_TRADE = ("Supermercado", "Mercearia", "Padaria", "Açougue", "Restaurante", "Hortifruti", "Farmácia")

REPRESENTATIVES = (
    Representative("V-01", "Otávio Salles", "autonomous", CENTRE, ("Jundiaí", "SP"), ("SP",), 52, 62, -1900),
    Representative("V-02", "Marina Furlan", "employee", CENTRE, ("Limeira", "SP"), ("SP",), 56, 66, -1310),
    Representative("V-03", "Nelson Moretti", "autonomous", BORDER, ("Poços de Caldas", "MG"), ("MG", "SP"), 46, 56, -2400),
    Representative("V-04", "Camila Pavani", "employee", CENTRE, ("Campinas", "SP"), ("SP",), 63, 76, -840),
    Representative("V-05", "Diego Nogueira", "employee", INTERIOR, ("São Carlos", "SP"), ("SP",), 44, 60, -590, segments=_FOOD_TRADE),
    Representative("V-06", "Helena Rezende", "employee", BORDER, ("Pouso Alegre", "MG"), ("MG", "SP"), 46, 60, -1020),
    Representative("V-07", "Sérgio Bittencourt", "autonomous", INTERIOR, ("Sorocaba", "SP"), ("SP",), 66, 60, -2750),
    Representative("V-08", "Ivan Kimura", "autonomous", BORDER, ("Londrina", "PR"), ("PR",), 53, 64, -1600),
    Representative("V-09", "Larissa Godói", "employee", INTERIOR, ("Ribeirão Preto", "SP"), ("SP", "MG"), 52, 66, -760),
    Representative("V-10", "Leonardo Barros", "employee", CENTRE, ("Sumaré", "SP"), ("SP",), 36, 50, -1120, left=ANCHOR - 24),
    Representative("V-11", "Tânia Scapin", "employee", BORDER, ("Maringá", "PR"), ("PR",), 40, 60, 329),
    Representative("V-12", "Rafael Toledo", "employee", INTERIOR, ("São José dos Campos", "SP"), ("SP", "MG"), 42, 60, 119),
)
BY_CODE = {r.code: r for r in REPRESENTATIVES}
WITHOUT_OWNER = 4
# Who looked after these clients before the two newest territories were opened.
BEFORE_THEM = {"V-11": ("V-08", "Abertura da praça de Maringá"), "V-12": ("V-01", "Abertura da praça Vale do Paraíba")}

TEAMS = (
    {"name": "Comercial", "supervisor": f"gerente@{DOMAIN}", "parent": None},
    {"name": CENTRE, "supervisor": f"supervisora.campinas@{DOMAIN}", "parent": "Comercial"},
    {"name": INTERIOR, "supervisor": f"supervisor.interior@{DOMAIN}", "parent": "Comercial"},
    {"name": BORDER, "supervisor": f"supervisora.mgpr@{DOMAIN}", "parent": "Comercial"},
)

# Half-open days of the story: back at work on the last one.
ABSENCES = ({"representative_code": "V-02", "starts_on": ANCHOR - 8, "ends_on": ANCHOR + 23, "reason": "Férias", "cover": "V-04"},)

# What the contracts of the autonomous ones say: the commission, and since when they agree to give clients away.
AGREEMENTS = (
    {"representative_code": "V-01", "commission_rate": "0.0400", "consent_recorded_on": None},
    {"representative_code": "V-03", "commission_rate": "0.0450", "consent_recorded_on": None},
    {"representative_code": "V-07", "commission_rate": "0.0400", "consent_recorded_on": ANCHOR - 203},
    {"representative_code": "V-08", "commission_rate": "0.0500", "consent_recorded_on": ANCHOR - 96},
)


def users() -> list[dict]:
    """The sign-ins: V-10 left and has none, V-11 has not been invited yet."""
    staff = [
        ("admin", "Renata Camargo", "admin", None),
        ("gerente", "Paulo Vasconcelos", "manager", "Comercial"),
        ("supervisora.campinas", "Daniela Lacerda", "manager", CENTRE),
        ("supervisor.interior", "Fábio Queiroz", "manager", INTERIOR),
        ("supervisora.mgpr", "Sílvia Tanaka", "manager", BORDER),
        ("auditor", "Vera Siqueira", "auditor", None),
    ]
    listed = [{"email": f"{who}@{DOMAIN}", "name": name, "role": role, "team": team} for who, name, role, team in staff]
    for person in REPRESENTATIVES:
        if person.code not in ("V-10", "V-11"):
            listed.append(
                {
                    "email": person.email,
                    "name": person.name,
                    "role": "representative",
                    "team": person.team,
                    "representative_code": person.code,
                }
            )
    return listed
