"""What a person types finds the client: without accents, with one typo, by any number it goes by; and only within reach."""

import random

import pytest

from clients.models import Client, ClientWord, Contact
from clients.selectors import Limits
from clients.selectors.by_word import client_ids, one_typo, typed_terms
from clients.selectors.matching import named
from clients.selectors.search import found_clients, found_contacts
from clients.selectors.visibility import Reach
from clients.selectors.words import CORRECTED_FROM, TRADE_WORDS, corrections, plain, search_tokens, spellings
from clients.services.words import refresh_words
from tests.clients.test_filters import TODAY
from tests.factories import ClientFactory, RepresentativeFactory, stored_words

LIMITS = Limits(60, 90, 360)
ALL = Reach(None, [])
NAMES = ["Empório São João Ltda", "Padaria Pão de Açúcar", "Comercial Água Viva Ltda", "Drogaria Vida", "Açougue do Zé", "Mercado Girassol"]


@pytest.fixture
def companies(acting):
    made = {name: ClientFactory(name=name, code=f"K-{number:03d}") for number, name in enumerate(NAMES)}
    refresh_words([client.pk for client in made.values()], new=True)
    return made


def names(q: str, reach: Reach = ALL) -> list[str]:
    found = found_clients(reach, q, as_of=TODAY, limits=LIMITS)
    return [row.name for row in (*found.rows, *found.meant)]


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("emporio sao", "Empório São João Ltda"),
        ("PÃO acu", "Padaria Pão de Açúcar"),
        ("k-003", "Drogaria Vida"),
        ("drogria vida", "Drogaria Vida"),  # a letter missing
        ("drogarria", "Drogaria Vida"),  # one too many
        ("drogatia", "Drogaria Vida"),  # a wrong one
        ("dorgaria", "Drogaria Vida"),  # two that changed places
        ("girasol merc", "Mercado Girassol"),
        ("girrass", "Mercado Girassol"),  # a typo in what is not yet a whole word
        ("agua viva distribuidora", "Comercial Água Viva Ltda"),  # a word that every company has
    ],
)
def test_the_company_comes_first_however_it_is_typed(companies, typed, name):
    assert names(typed)[:1] == [name]


def test_every_single_typo_in_every_longer_word_finds_the_company(companies):
    draw = random.Random(5)
    tried = 0
    for name in NAMES:
        for word in (word for word in plain(name).split() if len(word) >= CORRECTED_FROM and word not in TRADE_WORDS):
            for typo in draw.sample([each for each in corrections(word) if len(each) >= CORRECTED_FROM], 3):
                assert name in names(typo), (typo, name)
                tried += 1
    assert tried > 20


def test_short_words_and_numbers_are_not_corrected(companies):
    assert names("zze") == []
    assert names("k-00x") == []
    assert list(corrections("123456")) == []


def test_a_company_goes_by_its_cnpj_and_its_phone_however_they_are_written(acting):
    numeric = ClientFactory(name="Um", tax_id="11222333000181", phone="+55 (19) 99876-5432")
    letters = ClientFactory(name="Dois", tax_id="12ABC34501DE35", phone="19 3344-5566")
    refresh_words([numeric.pk, letters.pk], new=True)
    for typed in ("11.222.333/0001-81", "11222333000181", "11.222.333", "11222333", "+55 19 99876-5432", "(19) 99876-5432", "99876-5432"):
        assert names(typed) == ["Um"], typed
    assert names("9876-5432") == ["Um"]  # as before the ninth digit
    for typed in ("12.ABC.345/01DE-35", "12abc34501de35", "12.abc.345", "12.ABC.345/01", "1933445566", "3344-5566", "+55 19 3344 5566"):
        assert names(typed) == ["Dois"], typed


def test_nobody_finds_what_is_out_of_reach_typo_or_not(companies):
    mine, others = RepresentativeFactory(), RepresentativeFactory.create_batch(5)
    vida = companies["Drogaria Vida"]
    Client.objects.filter(pk=vida.pk).update(representative=others[0])
    for reach in (Reach([mine.pk], []), Reach([mine.pk, *(each.pk for each in others[1:])], [])):
        assert names("drogaria", reach) == names("drogria", reach) == []
    assert names("drogria", Reach([mine.pk], [vida.pk])) == ["Drogaria Vida"]
    assert names("drogria", Reach([each.pk for each in others], [])) == ["Drogaria Vida"]
    assert names("drogaria", Reach([], [])) == []


def test_among_ones_own_what_is_there_is_meant_and_only_else_is_guessed(acting):
    ana = RepresentativeFactory()
    marca, marcia = (ClientFactory(name=f"{name} Modas", representative=ana) for name in ("Marca", "Marcia"))
    refresh_words([marca.pk, marcia.pk], new=True)
    own = Reach([ana.pk], [])
    assert names("marca", own) == ["Marca Modas"]
    assert names("marca") == ["Marca Modas", "Marcia Modas"]
    assert names("narcia", own) == ["Marcia Modas"]


def test_common_words_are_found_too_and_meet(acting, monkeypatch):
    monkeypatch.setattr("clients.selectors.by_word.COMMON", 3)
    people = RepresentativeFactory.create_batch(5)
    for number in range(12):
        ClientFactory(name=f"Padaria {'Sol' if number % 3 else 'Lua'}", representative=people[number % 5])
    refresh_words(list(Client.objects.values_list("pk", flat=True)), new=True)
    for reach in (ALL, Reach([each.pk for each in people], []), Reach([people[0].pk], [])):
        expected = sorted(
            name for name in Client.objects.filter(representative__in=reach.representatives or people).values_list("name", flat=True)
        )
        assert sorted(names("padaria", reach)) == expected
        assert sorted(names("pad lua", reach)) == [name for name in expected if "Lua" in name]


def test_a_search_costs_at_most_six_queries_whatever_it_finds(companies, django_assert_max_num_queries):
    for typed in ("padaria", "comercial pdaria", "zzzzzzz", "dorgaria vdia", "a"):
        with django_assert_max_num_queries(6):
            names(typed)


def test_people_are_found_by_first_and_last_name(companies):
    vida, zes = companies["Drogaria Vida"], companies["Açougue do Zé"]
    marcia = Contact.objects.create(client=vida, name="Márcia de Souza Leal")
    Contact.objects.create(client=zes, name="José Marciano")

    def people(q, reach=ALL):
        return [contact.name for contact in found_contacts(reach, q)]

    assert people("marcia") == ["Márcia de Souza Leal"] or people("marcia") == ["José Marciano", "Márcia de Souza Leal"]
    assert people("leal") == people("márcia leal") == people("marcia de sou") == ["Márcia de Souza Leal"]
    assert people("souza") == people("123") == []
    assert found_contacts(Reach([], []), "leal") == []
    assert found_contacts(Reach([], [vida.pk]), "leal") == [marcia]


def test_the_words_of_a_client_follow_its_phone(acting):
    client = ClientFactory(name="Um", phone="+55 (19) 99876-5432")
    refresh_words([client.pk], new=True)
    assert {"5519998765432", "998765432"} <= stored_words()
    client.phone = "4002-8922"
    client.save()
    refresh_words([client.pk])
    kept = stored_words()
    assert "40028922" in kept
    assert not {"5519998765432", "998765432"} & kept


def test_words_are_read_as_they_are_kept():
    assert search_tokens("Açaí & Cia.") == ["acai", "cia"]
    assert search_tokens("12.ABC.345/01DE-35") == ["12abc34501de35"]
    assert search_tokens("C-001") == ["c", "001"]
    assert spellings("998765432") == ["998765432"]
    assert spellings("19998765432") == ["19998765432", "5519998765432"]


def test_a_client_of_any_number_of_words_and_numbers_is_found_by_each_of_them(acting, monkeypatch):
    numbers = [f"{place}0{place}" for place in range(1, 8)]
    letters = ["açaí", "bom", "3m", "casa", "dez", "elo", "fio"]
    many = ClientFactory(code="A-17", name=" ".join(letters), trade_name=" ".join(numbers), tax_id="11222333000181", phone="19 98765-4321")
    digits = ClientFactory(code="9911", name="4004", trade_name="1 22 333 4444", tax_id="", phone="")
    bare = ClientFactory(code="X", name="-", trade_name="", tax_id="", phone="")
    refresh_words([many.pk, digits.pk, bare.pk], new=True)
    assert ClientWord.objects.filter(client=many).count() == 5  # three rows of nine words and six numbers; five more numbers in two
    assert stored_words(digits) == {"9911", "4004", "1", "22", "333", "4444"}
    assert stored_words(bare) == {"x"}

    monkeypatch.setattr("clients.selectors.matching.rare_clients", lambda tokens: None)  # as where each word is common

    def found(q: str) -> set[int]:
        by_list = set(named(Client.objects.all(), q).values_list("pk", flat=True))
        assert set(client_ids(Reach(None, []), [typed_terms(search_tokens(q))], most=9)) == by_list
        return by_list

    for q in [*map(plain, letters), *numbers, "17", "a", "11222333", "98765", "1998765", "3", "acai 707 casa", "707 3m 101"]:
        assert found(q) >= {many.pk}, q
    for q in ("9911", "400", "22", "333", "4444"):
        assert found(q) >= {digits.pk}, q
    assert found("acai 4444") == found("9911 casa") == set()

    before = {row[0] for row in ClientWord.objects.filter(client=many).values_list("pk")}
    refresh_words([many.pk])
    assert {row[0] for row in ClientWord.objects.filter(client=many).values_list("pk")} == before
    ClientWord.objects.filter(client=many).delete()
    for word in ("acai", "101", "old"):  # as every word once stood
        ClientWord.objects.create(client=many, word=word)
    assert found("acai 101") == found("old") == {many.pk}
    refresh_words([many.pk])
    assert found("acai 101 casa") == {many.pk} and found("old") == set()


def test_every_stored_word_one_typo_away_is_met_wherever_in_a_row_it_stands(acting):
    draw = random.Random(5)
    stems = ["mercado", "mercantil", "merceia", "padaria", "padario", "girassol", "pad", "mer", "padariaz", "3padaria"]
    stems += ["".join(draw.choices("adepr", k=draw.randint(3, 8))) for _ in range(30)]
    clients = [ClientFactory(code=f"{n}", name=" ".join(draw.sample(stems, 4)), phone="") for n in range(20)]
    refresh_words([client.pk for client in clients], new=True)
    kept = [word for word in stored_words() if not word.isdigit()]
    for typed in ("mercado", "padria", "padariia", "girasol", "pdaaria", "pade", "adepr"):
        whole, begun = one_typo([typed], typed_terms([typed]))
        exact = {word for word in corrections(typed) if word in kept}
        beginning = {word for word in corrections(typed) if word != typed[:-1] and any(each.startswith(word) for each in kept)}
        assert ({word for way in whole for word in way[0].words}, {word for way in begun for word in way[0].words}) == (exact, beginning)
