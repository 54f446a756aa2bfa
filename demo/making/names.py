"""Invented names of companies and people, and what each line of business buys."""

import random
import re
import unicodedata
from dataclasses import dataclass


def listed(text: str) -> tuple[str, ...]:
    """The words of ``text``, separated by commas."""
    return tuple(word.strip() for word in text.split(","))


@dataclass(frozen=True)
class Segment:
    """A line of business: its share of the clients, the worth of an order against the average one, what it is called and buys."""

    name: str
    share: float
    ticket: float
    titles: tuple[str, ...]
    trade: str
    categories: tuple[str, ...]


_FOOD = ("Arroz e grãos", "Farinhas e massas", "Açúcar e café", "Óleos e conservas", "Temperos")
SEGMENTS = (
    Segment(
        "Supermercado",
        0.17,
        2.2,
        ("Supermercado", "Mercado"),
        "Comércio de Alimentos",
        (*_FOOD, "Bebidas", "Doces e biscoitos", "Limpeza", "Higiene e cuidados", "Carnes e frios"),
    ),
    Segment(
        "Mercearia",
        0.18,
        0.7,
        ("Mercearia", "Empório", "Armazém", "Minimercado"),
        "Comércio de Alimentos",
        (*_FOOD, "Bebidas", "Doces e biscoitos", "Limpeza"),
    ),
    Segment(
        "Açougue",
        0.08,
        0.9,
        ("Açougue", "Casa de Carnes", "Boutique de Carnes"),
        "Comércio de Carnes",
        ("Carnes e frios", "Temperos", "Embalagens", "Bebidas"),
    ),
    Segment(
        "Padaria",
        0.12,
        0.8,
        ("Padaria", "Panificadora", "Confeitaria"),
        "Panificação",
        ("Farinhas e massas", "Doces e biscoitos", "Açúcar e café", "Carnes e frios", "Embalagens"),
    ),
    Segment(
        "Restaurante",
        0.12,
        0.8,
        ("Restaurante", "Cantina", "Churrascaria", "Lanchonete"),
        "Refeições",
        (*_FOOD, "Carnes e frios", "Bebidas", "Embalagens", "Limpeza"),
    ),
    Segment(
        "Farmácia",
        0.07,
        0.9,
        ("Drogaria", "Farmácia"),
        "Comércio de Medicamentos",
        ("Higiene e cuidados", "Limpeza", "Embalagens"),
    ),
    Segment("Agropecuária", 0.09, 1.7, ("Agropecuária", "Casa Agrícola", "Rações"), "Comércio Agropecuário", ("Agropecuária", "Ferragens")),
    Segment(
        "Ferragens",
        0.08,
        1.3,
        ("Ferragens", "Depósito", "Casa das Ferragens"),
        "Comércio de Ferragens",
        ("Ferragens", "Limpeza", "Agropecuária"),
    ),
    Segment("Papelaria", 0.06, 0.8, ("Papelaria", "Livraria e Papelaria"), "Comércio de Papéis", ("Papelaria", "Limpeza", "Embalagens")),
    Segment(
        "Hortifruti",
        0.03,
        0.7,
        ("Hortifruti", "Sacolão"),
        "Comércio de Hortifrutigranjeiros",
        ("Temperos", "Embalagens", "Bebidas", "Arroz e grãos"),
    ),
)

_MASCULINE = listed(
    "Lago, Campo, Monte, Porto, Jardim, Recanto, Bosque, Trevo, Ipê, Pinhal, Cedro, Moinho, Engenho, Pomar, Riacho, Jatobá, "
    "Planalto, Cafezal"
)
_MASCULINE_IS = listed("Azul, Claro, Novo, Sereno, Dourado, Alto, Bonito, Florido, Manso, Limpo, Branco, Fundo, Alegre, Formoso")
_FEMININE = listed(
    "Vila, Serra, Pedra, Fonte, Flor, Folha, Estrela, Ponte, Colina, Várzea, Lagoa, Figueira, Palmeira, Roseira, Mata, Encosta, Aroeira"
)
_FEMININE_IS = listed("Nova, Clara, Serena, Dourada, Alta, Bonita, Florida, Mansa, Branca, Alegre, Azul, Formosa")
_FITTING = {
    "Açougue": ("Bom Corte", "Bom Pasto", "Boi na Brasa", "Corte Certo", "Pasto Alto", "Fogo de Lenha", "Novilho Manso"),
    "Padaria": ("Grão da Serra", "Trigo de Ouro", "Pão da Praça", "Forno Quente", "Massa Leve", "Fermento Antigo", "Pão Nosso da Vila"),
    "Restaurante": ("Sabor da Roça", "Panela de Barro", "Fogão da Vó", "Tempero da Casa", "Colher de Pau", "Mesa Farta"),
    "Farmácia": ("Bem Cuidar", "Folha Mansa", "Vida Serena", "Santa Rosa", "São Lucas da Praça", "Bálsamo"),
    "Agropecuária": ("Campo Fértil", "Terra Roxa do Sul", "Bom Plantio", "Curral Novo", "Semente Forte", "Chão de Milho"),
    "Ferragens": ("Rocha Firme", "Cruzeiro do Vale", "Parafuso Certo", "Martelo de Ouro", "Viga Mestra", "Prumo Reto"),
    "Papelaria": ("Traço Fino", "Folha Nova", "Lápis de Cor", "Risco e Rabisco", "Papel Picado", "Primeira Página"),
    "Hortifruti": ("Da Horta", "Cheiro-Verde", "Colheita do Dia", "Raiz da Terra"),
    "Mercearia": ("da Esquina Velha", "Boa Prosa", "Três Irmãs", "da Dona Zulmira", "do Seu Tonico", "Secos e Molhados Aurora"),
    "Supermercado": ("Estrela do Sul", "Preço de Vizinho", "Cesta da Gente", "Família Reunida", "Sacola Amiga"),
}
# Names of towns and of businesses too well known to be taken for invented ones.
_NOT_OURS = {"Porto Alegre", "Vila Velha", "Monte Alegre", "Monte Alto", "Campo Alto", "Pedra Branca", "Ponte Nova", "Jardim Alegre"}

_GIVEN_F = listed(
    "Ana, Beatriz, Camila, Daniela, Elisa, Fernanda, Gabriela, Helena, Isabel, Juliana, Larissa, Marina, Natália, Patrícia, "
    "Renata, Sílvia, Tânia, Vera"
)
_GIVEN_M = listed(
    "André, Bruno, Carlos, Diego, Eduardo, Fábio, Gustavo, Henrique, Ivan, Jorge, Leonardo, Marcelo, Nelson, Otávio, Paulo, "
    "Rafael, Sérgio, Tiago"
)
_SURNAMES = listed(
    "Almeida, Barros, Camargo, Dias, Esteves, Ferraz, Godói, Hortêncio, Ibarra, Junqueira, Lacerda, Machado, Nogueira, "
    "Oliveira, Prado, Queiroz, Ramalho, Siqueira, Teixeira, Vasconcelos, Zanini, Moretti, Bertolucci, Tanaka, Kimura, "
    "Scapin, Furlan, Pavani, Rezende, Salles, Toledo, Amaral, Bittencourt, Corrêa"
)

LONG_NAMES = (
    (
        "Supermercado",
        "Cooperativa de Consumo dos Trabalhadores Rurais, Comerciantes e Moradores dos Bairros Unidos da Encosta da Serra Ltda",
    ),
    ("Agropecuária", "Cooperativa Agroindustrial dos Pequenos Produtores de Leite, Café e Hortaliças das Nascentes do Alto da Mantiqueira"),
    ("Restaurante", "Associação Beneficente, Cultural, Esportiva e Recreativa dos Funcionários Aposentados das Oficinas da Antiga Estação"),
    (
        "Ferragens",
        "Irmãos Bertolucci, Zanini, Scapin & Filhos Comércio, Importação e Distribuição de Ferragens e Ferramentas Agrícolas Ltda",
    ),
    ("Mercearia", "Mercearia, Quitanda, Bomboniere e Armarinhos Nossa Senhora Aparecida do Bairro dos Pinheirinhos de Cima"),
    ("Padaria", "Panificadora, Confeitaria, Rotisseria e Restaurante por Quilo Recanto dos Trigais da Avenida Velha"),
)


def person(rng: random.Random) -> str:
    """Given name and surname."""
    return f"{rng.choice(_GIVEN_F + _GIVEN_M)} {rng.choice(_SURNAMES)}"


def slug(text: str) -> str:
    """``text`` in lower-case ASCII letters and digits joined by hyphens."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")


class CompanyNames:
    """Trade and legal names, none given twice."""

    def __init__(self, rng: random.Random):
        self._rng = rng
        landscapes = [f"{noun} {how}" for noun in _MASCULINE for how in _MASCULINE_IS]
        landscapes += [f"{noun} {how}" for noun in _FEMININE for how in _FEMININE_IS]
        self._landscapes = [name for name in landscapes if name not in _NOT_OURS]
        rng.shuffle(self._landscapes)
        self._fitting = {segment: rng.sample(names, len(names)) for segment, names in _FITTING.items()}
        self._taken: set[str] = set()

    def draw(self, segment: Segment) -> tuple[str, str]:
        """(trade name, legal name) of one new company."""
        while True:
            own, trade = self._own_and_trade(segment)
            if trade not in self._taken:
                self._taken.add(trade)
                return trade, self._legal(own, segment)

    def _own_and_trade(self, segment: Segment) -> tuple[str, str]:
        title, drawn = self._rng.choice(segment.titles), self._rng.random()
        if self._fitting[segment.name] and drawn < 0.25:
            own = self._fitting[segment.name].pop()
        elif drawn < 0.4:
            own = self._rng.choice(("Irmãos {}", "{} & Filhos", "Família {}", "{}")).format(self._rng.choice(_SURNAMES))
        else:
            own = self._landscapes.pop()
        return own, f"{title} {own}"

    def _legal(self, own: str, segment: Segment) -> str:
        ending = self._rng.choice(("Ltda", "Ltda", "Ltda ME", "Ltda EPP", "S.A."))
        drawn = self._rng.random()
        if drawn < 0.3:
            a, b = self._rng.sample(_SURNAMES, 2)
            return f"{a} & {b} {segment.trade} {ending}"
        if drawn < 0.4:
            return f"{person(self._rng)} {segment.trade} ME"
        return f"{own[:1].upper()}{own[1:]} {segment.trade} {ending}"
