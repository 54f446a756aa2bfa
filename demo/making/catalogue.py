"""The distributor's catalogue: about 300 unbranded products in the categories its clients buy."""

import random
from dataclasses import dataclass

# category | product | packing @ price in R$, packing @ price ...
_LIST = """
Arroz e grãos|Arroz agulhinha tipo 1|fardo 6x5 kg @ 154,80|fardo 30x1 kg @ 163,50
Arroz e grãos|Arroz parboilizado|fardo 6x5 kg @ 149,40|fardo 30x1 kg @ 158,70
Arroz e grãos|Arroz integral|fardo 10x1 kg @ 68,90|caixa 12x500 g @ 51,20
Arroz e grãos|Feijão-carioca tipo 1|fardo 30x1 kg @ 214,90|fardo 10x1 kg @ 74,60
Arroz e grãos|Feijão-preto tipo 1|fardo 30x1 kg @ 206,40|fardo 10x1 kg @ 71,90
Arroz e grãos|Lentilha|caixa 12x500 g @ 78,30|saco 25 kg @ 246,00
Arroz e grãos|Grão-de-bico|caixa 12x500 g @ 84,10|saco 25 kg @ 268,00
Arroz e grãos|Milho de pipoca|fardo 20x500 g @ 69,80|saco 25 kg @ 118,50
Farinhas e massas|Farinha de trigo especial|fardo 10x1 kg @ 42,90|saco 25 kg @ 98,70|saco 50 kg @ 189,90
Farinhas e massas|Farinha de trigo integral|fardo 10x1 kg @ 49,50|saco 25 kg @ 112,40
Farinhas e massas|Fubá mimoso|fardo 20x500 g @ 48,60|saco 25 kg @ 72,30
Farinhas e massas|Farinha de mandioca torrada|fardo 20x500 g @ 78,20|saco 25 kg @ 134,90
Farinhas e massas|Polvilho azedo|fardo 20x500 g @ 128,50|saco 25 kg @ 241,70
Farinhas e massas|Polvilho doce|fardo 20x500 g @ 119,90|saco 25 kg @ 226,00
Farinhas e massas|Macarrão espaguete com ovos|fardo 20x500 g @ 62,40|caixa 10x1 kg @ 61,30
Farinhas e massas|Macarrão parafuso com ovos|fardo 20x500 g @ 63,10|caixa 10x1 kg @ 62,00
Farinhas e massas|Macarrão ave-maria|fardo 20x500 g @ 61,80
Farinhas e massas|Fermento biológico seco|caixa 20x125 g @ 138,60|pacote 500 g @ 24,90
Farinhas e massas|Mistura para pão francês|saco 25 kg @ 139,90|saco 5 kg @ 33,80
Farinhas e massas|Mistura para bolo|saco 5 kg @ 58,70|caixa 12x400 g @ 52,80
Açúcar e café|Açúcar cristal|fardo 6x5 kg @ 112,90|fardo 30x1 kg @ 121,50|saco 50 kg @ 178,00
Açúcar e café|Açúcar refinado|fardo 10x1 kg @ 44,80|fardo 20x1 kg @ 87,90
Açúcar e café|Açúcar mascavo|caixa 12x500 g @ 74,30|saco 25 kg @ 219,00
Açúcar e café|Café torrado e moído tradicional|fardo 10x500 g @ 189,90|fardo 20x250 g @ 198,40
Açúcar e café|Café torrado e moído extraforte|fardo 10x500 g @ 187,50|fardo 20x250 g @ 196,00
Açúcar e café|Café torrado em grãos|pacote 1 kg @ 52,90|caixa 10x1 kg @ 508,00
Açúcar e café|Adoçante líquido|caixa 12x100 ml @ 41,70
Óleos e conservas|Óleo de soja|caixa 20x900 ml @ 139,80|balde 18 L @ 131,00
Óleos e conservas|Óleo de girassol|caixa 12x900 ml @ 121,60
Óleos e conservas|Gordura vegetal|caixa 24 kg @ 218,90|balde 14,5 kg @ 148,30
Óleos e conservas|Azeite de oliva extravirgem|caixa 12x500 ml @ 386,00|caixa 24x250 ml @ 448,00
Óleos e conservas|Extrato de tomate|caixa 24x340 g @ 88,50|caixa 6x2 kg @ 92,70
Óleos e conservas|Molho de tomate tradicional|caixa 24x300 g @ 51,80|caixa 6x2 kg @ 78,40
Óleos e conservas|Milho-verde em conserva|caixa 24x170 g @ 82,10|caixa 6x1,7 kg @ 108,60
Óleos e conservas|Ervilha em conserva|caixa 24x170 g @ 79,90|caixa 6x1,7 kg @ 102,30
Óleos e conservas|Azeitona-verde em conserva|caixa 12x500 g @ 148,70|balde 2 kg @ 54,90
Óleos e conservas|Palmito em conserva|caixa 15x300 g @ 262,00|caixa 6x1,8 kg @ 398,00
Óleos e conservas|Maionese|caixa 24x250 g @ 86,40|balde 3 kg @ 32,90
Óleos e conservas|Vinagre de álcool|caixa 12x750 ml @ 27,60|galão 5 L @ 12,80
Temperos|Sal refinado|fardo 30x1 kg @ 46,90|saco 25 kg @ 33,40
Temperos|Sal grosso para churrasco|fardo 10x1 kg @ 24,80|saco 25 kg @ 36,20
Temperos|Alho triturado|caixa 12x200 g @ 62,10|balde 3 kg @ 58,40
Temperos|Colorau|fardo 20x100 g @ 31,60|pacote 1 kg @ 18,90
Temperos|Orégano|caixa 30x10 g @ 36,80|pacote 500 g @ 29,70
Temperos|Pimenta-do-reino moída|caixa 30x15 g @ 58,40|pacote 500 g @ 44,30
Temperos|Chimichurri|pacote 500 g @ 27,80|caixa 30x10 g @ 41,20
Carnes e frios|Linguiça toscana congelada|caixa 10 kg @ 158,00|caixa 5 kg @ 82,60
Carnes e frios|Peito de frango congelado|caixa 18 kg @ 268,90|caixa 20 kg @ 296,00
Carnes e frios|Coxa e sobrecoxa congelada|caixa 18 kg @ 186,30|caixa 20 kg @ 204,90
Carnes e frios|Carne-seca dianteira|caixa 5 kg @ 214,50|caixa 10x500 g @ 228,00
Carnes e frios|Bacon em manta|caixa 5 kg @ 148,90|caixa 10 kg @ 289,00
Carnes e frios|Presunto cozido|peça 3,5 kg @ 84,70|caixa 4 peças @ 332,00
Carnes e frios|Queijo muçarela|peça 4 kg @ 138,60|caixa 6 peças @ 818,00
Carnes e frios|Requeijão culinário|caixa 8x1,5 kg @ 212,00|bisnaga 1,5 kg @ 27,90
Carnes e frios|Mortadela|peça 5 kg @ 62,80|caixa 4 peças @ 246,00
Bebidas|Refrigerante cola|fardo 6x2 L @ 36,90|fardo 12x350 ml @ 31,80
Bebidas|Refrigerante guaraná|fardo 6x2 L @ 34,80|fardo 12x350 ml @ 29,90
Bebidas|Água mineral sem gás|fardo 12x500 ml @ 11,90|galão 20 L @ 9,80
Bebidas|Água mineral com gás|fardo 12x500 ml @ 14,60
Bebidas|Suco de uva integral|caixa 12x1 L @ 142,80|caixa 24x300 ml @ 138,00
Bebidas|Suco de laranja concentrado|caixa 12x500 ml @ 68,30
Bebidas|Chá-mate natural|caixa 24x300 ml @ 62,70|caixa 12x1,5 L @ 78,90
Bebidas|Cerveja pilsen|fardo 12x350 ml @ 36,40|caixa 24x600 ml @ 168,00
Bebidas|Vinho tinto suave de mesa|caixa 12x750 ml @ 148,90|garrafão 4,6 L @ 48,60
Doces e biscoitos|Biscoito de água e sal|caixa 20x400 g @ 84,60|caixa 40x200 g @ 92,10
Doces e biscoitos|Biscoito recheado de chocolate|caixa 40x120 g @ 76,40
Doces e biscoitos|Biscoito de polvilho|fardo 30x100 g @ 98,70
Doces e biscoitos|Goiabada|caixa 24x300 g @ 98,40|balde 5 kg @ 62,30
Doces e biscoitos|Doce de leite|caixa 24x400 g @ 218,00|balde 4,8 kg @ 72,90
Doces e biscoitos|Chocolate em barra ao leite|caixa 12x1 kg @ 498,00|barra 2,1 kg @ 84,60
Doces e biscoitos|Granulado de chocolate|caixa 10x1 kg @ 168,90|pacote 1 kg @ 18,40
Doces e biscoitos|Panetone com frutas|caixa 12x400 g @ 142,80|caixa 6x900 g @ 158,00
Doces e biscoitos|Leite condensado|caixa 27x395 g @ 168,30|balde 5 kg @ 62,70
Doces e biscoitos|Creme de leite|caixa 27x200 g @ 78,60|caixa 12x1 L @ 158,40
Limpeza|Detergente líquido neutro|caixa 24x500 ml @ 46,80|galão 5 L @ 18,90
Limpeza|Água sanitária|caixa 12x1 L @ 29,90|caixa 6x2 L @ 27,80|galão 5 L @ 11,60
Limpeza|Desinfetante de eucalipto|caixa 12x500 ml @ 38,90|galão 5 L @ 16,70
Limpeza|Sabão em pó|caixa 20x800 g @ 148,60|saco 10 kg @ 72,40
Limpeza|Sabão em barra neutro|caixa 10x5 un. @ 86,90
Limpeza|Amaciante de roupas|caixa 6x2 L @ 48,70|galão 5 L @ 19,80
Limpeza|Álcool 70%|caixa 12x1 L @ 82,60|galão 5 L @ 38,40
Limpeza|Esponja multiuso|fardo 60 un. @ 48,90|caixa 120 un. @ 93,80
Limpeza|Saco de lixo reforçado|fardo 100x100 L @ 46,50|fardo 100x50 L @ 28,70|fardo 100x30 L @ 19,60
Limpeza|Vassoura de nylon|caixa 12 un. @ 118,00
Limpeza|Pano de chão alvejado|fardo 12 un. @ 58,30
Higiene e cuidados|Papel higiênico folha dupla|fardo 64 rolos @ 78,90|fardo 16x4 rolos @ 82,40
Higiene e cuidados|Papel-toalha interfolhado|caixa 2.400 fl. @ 62,70|fardo 1.000 fl. @ 14,80
Higiene e cuidados|Sabonete em barra|caixa 72x85 g @ 118,60
Higiene e cuidados|Sabonete líquido|galão 5 L @ 32,90|caixa 12x250 ml @ 84,20
Higiene e cuidados|Creme dental|caixa 72x90 g @ 178,40
Higiene e cuidados|Escova de dentes macia|caixa 72 un. @ 148,00
Higiene e cuidados|Xampu neutro|caixa 12x350 ml @ 98,40|galão 5 L @ 42,60
Higiene e cuidados|Fralda descartável|fardo M 8x24 un. @ 189,60|fardo G 8x22 un. @ 189,60|fardo XG 8x20 un. @ 189,60
Higiene e cuidados|Absorvente com abas|caixa 48x8 un. @ 142,70
Higiene e cuidados|Algodão hidrófilo|caixa 24x50 g @ 86,30|rolo 500 g @ 18,60
Higiene e cuidados|Curativo adesivo|caixa 24x40 un. @ 112,40
Higiene e cuidados|Protetor solar FPS 50|caixa 12x120 ml @ 286,00
Higiene e cuidados|Repelente|caixa 12x100 ml @ 138,90
Embalagens|Sacola plástica reforçada|fardo 1.000 un. 40x50 @ 68,40|fardo 1.000 un. 30x40 @ 42,80
Embalagens|Saco de papel kraft|fardo 500 un. 3 kg @ 58,60|fardo 500 un. 5 kg @ 74,90
Embalagens|Bandeja de isopor|fardo 400 un. rasa @ 62,80|fardo 400 un. funda @ 71,30
Embalagens|Filme de PVC|bobina 28 cm x 300 m @ 38,70|bobina 40 cm x 1.000 m @ 118,60
Embalagens|Copo descartável 200 ml|caixa 2.500 un. @ 118,90
Embalagens|Copo descartável 50 ml|caixa 5.000 un. @ 112,30
Embalagens|Marmitex de alumínio|caixa 100 un. n. 8 @ 48,60|caixa 100 un. n. 9 @ 56,70
Embalagens|Guardanapo|fardo 40x50 un. @ 52,60|caixa 8.000 un. @ 118,00
Embalagens|Caixa de papelão para bolo|fardo 50 un. @ 62,80
Agropecuária|Ração para cães adultos|saco 15 kg @ 98,60|saco 25 kg @ 146,90
Agropecuária|Ração para gatos adultos|saco 10 kg @ 108,40|saco 25 kg @ 239,00
Agropecuária|Ração para bovinos de leite|saco 40 kg @ 92,80
Agropecuária|Ração para aves de postura|saco 20 kg @ 58,90|saco 40 kg @ 109,60
Agropecuária|Ração para equinos|saco 40 kg @ 98,70
Agropecuária|Sal mineral para bovinos|saco 25 kg @ 96,40|saco 30 kg @ 112,80
Agropecuária|Milho em grãos|saco 50 kg @ 68,90|saco 25 kg @ 37,80
Agropecuária|Farelo de soja|saco 50 kg @ 118,60
Agropecuária|Adubo NPK 10-10-10|saco 50 kg @ 168,90|saco 25 kg @ 89,70|caixa 12x1 kg @ 92,00
Agropecuária|Calcário dolomítico|saco 40 kg @ 28,60
Agropecuária|Substrato para mudas|saco 25 kg @ 32,80|caixa 10x2 kg @ 64,00
Agropecuária|Semente de capim|saco 20 kg @ 386,00|saco 10 kg @ 198,00
Agropecuária|Arame farpado|rolo 500 m @ 368,00|rolo 250 m @ 196,00
Agropecuária|Mangueira de irrigação|rolo 100 m @ 148,60|rolo 200 m @ 286,00
Agropecuária|Botina de segurança|par n. 40 @ 68,90|par n. 42 @ 68,90
Ferragens|Prego com cabeça|caixa 20x1 kg 17x27 @ 268,00|caixa 20x1 kg 18x30 @ 268,00
Ferragens|Parafuso para madeira|caixa 500 un. 4x40 @ 48,60|caixa 500 un. 5x50 @ 72,40
Ferragens|Bucha plástica|caixa 1.000 un. n. 6 @ 42,70|caixa 1.000 un. n. 8 @ 54,90
Ferragens|Cadeado de latão|caixa 12 un. 30 mm @ 218,00|caixa 12 un. 40 mm @ 298,00
Ferragens|Dobradiça de aço|caixa 24 un. 3 pol. @ 98,60
Ferragens|Fechadura externa|unidade @ 68,70|caixa 6 un. @ 398,00
Ferragens|Disco de corte|caixa 50 un. 4,5 pol. @ 148,00|caixa 25 un. 7 pol. @ 168,00
Ferragens|Lixa d'água|pacote 50 fl. n. 120 @ 84,60|pacote 50 fl. n. 220 @ 84,60
Ferragens|Fita isolante|caixa 50x20 m @ 248,00|pacote 10x10 m @ 36,90
Ferragens|Lâmpada LED|caixa 50x9 W @ 298,00|caixa 24x15 W @ 248,60
Ferragens|Cabo flexível 2,5 mm|rolo 100 m @ 218,90
Ferragens|Tubo PVC soldável 25 mm|feixe 10x6 m @ 238,00
Ferragens|Torneira de jardim|caixa 12 un. @ 186,40
Ferragens|Tinta acrílica branca|lata 18 L @ 298,60|galão 3,6 L @ 84,70
Ferragens|Cimento|saco 50 kg @ 38,90
Ferragens|Argamassa|saco 20 kg @ 18,60
Papelaria|Papel sulfite A4|caixa 10x500 fl. @ 248,60|resma 500 fl. @ 26,40
Papelaria|Caderno universitário|pacote 4x10 matérias @ 68,90|caixa 20x10 matérias @ 328,00
Papelaria|Caderno brochura|pacote 10x96 fl. @ 72,80|caixa 40x48 fl. @ 168,00
Papelaria|Caneta esferográfica azul|caixa 50 un. @ 42,60|pote 100 un. @ 78,90
Papelaria|Caneta esferográfica preta|caixa 50 un. @ 42,60
Papelaria|Lápis preto n. 2|caixa 144 un. @ 68,40
Papelaria|Lápis de cor|caixa 12x12 cores @ 128,60|caixa 12x24 cores @ 238,00
Papelaria|Borracha branca|caixa 40 un. @ 24,80
Papelaria|Cola branca|caixa 12x90 g @ 28,60|galão 1 kg @ 19,80
Papelaria|Fita adesiva|pacote 10x48 mm @ 42,70|caixa 72x12 mm @ 98,40
Papelaria|Envelope pardo|caixa 250 un. A4 @ 98,60
Papelaria|Pasta com elástico|pacote 10 un. @ 28,90|caixa 100 un. @ 262,00
Papelaria|Bobina térmica|caixa 30x80 mm @ 158,00|caixa 30x57 mm @ 98,40
Papelaria|Mochila escolar|unidade @ 78,60
"""

_SEASON = {
    "Panetone com frutas": "Natal",
    "Vinho tinto suave de mesa": "Inverno",
    "Chocolate em barra ao leite": "Páscoa",
    "Milho de pipoca": "Festa junina",
    "Refrigerante guaraná": "Verão",
    "Protetor solar FPS 50": "Verão",
    "Repelente": "Verão",
    "Caderno universitário": "Volta às aulas",
    "Caderno brochura": "Volta às aulas",
    "Lápis de cor": "Volta às aulas",
    "Mochila escolar": "Volta às aulas",
    "Semente de capim": "Plantio",
    "Adubo NPK 10-10-10": "Plantio",
}
_UNIT = {"fardo": "FD", "caixa": "CX", "saco": "SC", "pacote": "PCT", "galão": "GL", "rolo": "RL", "balde": "BD"}


@dataclass(frozen=True)
class Product:
    """One product as sold: its price is in cents; ``stock_age`` is how many days its oldest lot has been in stock."""

    code: str
    name: str
    category: str
    unit: str
    price: int
    stock: int
    stock_age: int
    season: str


def catalogue(rng: random.Random) -> list[Product]:
    """Every packing of every product; one in twenty is dead stock, old and plentiful."""
    products = []
    for line in _LIST.strip().splitlines():
        category, name, *packings = line.split("|")
        for packing in packings:
            label, price = packing.split(" @ ")
            dead = rng.random() < 0.05
            products.append(
                Product(
                    code=f"P{len(products) + 1001}",
                    name=f"{name}, {label}",
                    category=category,
                    unit=_UNIT.get(label.split()[0], "UN"),
                    price=int(price.replace(".", "").replace(",", "")),
                    stock=rng.randrange(600, 1500) if dead else rng.randrange(0, 420),
                    stock_age=rng.randrange(190, 420) if dead else rng.randrange(3, 75),
                    season=_SEASON.get(name, ""),
                )
            )
    return products
