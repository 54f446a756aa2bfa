"""The engine's refusals as sentences: the engine says code, path and parameters, this says it to a person."""

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from rotation.engine.errors import EngineError
from rotation.errors import RuleRefused

SENTENCES = {
    "not_an_object": gettext_lazy("%(path)s: aqui vai um objeto, não %(found)s."),
    "not_a_list": gettext_lazy("%(path)s: aqui vai uma lista, não %(found)s."),
    "unknown_key": gettext_lazy("%(path)s: chave desconhecida; aqui se conhecem: %(known)s."),
    "missing_key": gettext_lazy("%(path)s: esta chave é obrigatória."),
    "wrong_schema": gettext_lazy("%(path)s: o formato %(found)s não é lido por esta versão; use %(known)s."),
    "wrong_type": gettext_lazy("%(path)s: aqui vai %(expected)s, não %(found)s."),
    "out_of_range": gettext_lazy("%(path)s: %(value)s está fora de %(low)s a %(high)s."),
    "unknown_choice": gettext_lazy("%(path)s: %(value)s não é uma das opções: %(known)s."),
    "empty_list": gettext_lazy("%(path)s: a lista está vazia e não encontraria ninguém."),
    "duplicate": gettext_lazy("%(path)s: %(value)s aparece duas vezes."),
    "bad_time": gettext_lazy("%(path)s: %(value)s não é um horário; use, por exemplo, 06:00."),
    "unknown_field": gettext_lazy("%(path)s: campo desconhecido %(field)s; os campos são: %(known)s."),
    "unknown_op": gettext_lazy("%(path)s: comparação desconhecida %(op)s; as comparações são: %(known)s."),
    "op_not_for_field": gettext_lazy("%(path)s: a comparação %(op)s não serve para %(field)s; use uma destas: %(known)s."),
    "between_reversed": gettext_lazy("%(path)s: o limite menor vem primeiro, e %(low)s é maior que %(high)s."),
    "contradiction": gettext_lazy("%(path)s: nenhum cliente pode cumprir isto e também %(other)s. Mude um dos dois limites."),
    "never_true": gettext_lazy("%(path)s: nenhum cliente pode cumprir isto; mude o valor ou tire a condição."),
    "always_held": gettext_lazy(
        "%(path)s: a proteção %(guard)s seguraria todos os clientes que a condição %(other)s deixa passar; tire uma das duas."
    ),
    "discarded_left_out": gettext_lazy("%(path)s: descartados ficam fora de toda regra, e aqui só eles são pedidos; mude a condição."),
    "nobody_drawn": gettext_lazy(
        "%(path)s: todos os clientes que a regra pode sinalizar são isentos, e ninguém entraria no grupo de controle; "
        "isente menos ou tire o grupo."
    ),
    "trigger_empty": gettext_lazy("%(path)s: sem condição, a regra sinalizaria todos os clientes; dê ao menos uma."),
    "too_deep": gettext_lazy("%(path)s: condições aninhadas em mais de %(limit)s níveis."),
    "too_many": gettext_lazy("%(path)s: mais de %(limit)s condições."),
    "unknown_guard": gettext_lazy("%(path)s: proteção desconhecida %(guard)s; as proteções são: %(known)s."),
    "guard_needs_days": gettext_lazy("%(path)s: a proteção %(guard)s precisa de dias, como em %(guard)s:15."),
    "guard_takes_no_days": gettext_lazy("%(path)s: a proteção %(guard)s não leva dias."),
    "weekday_not_for_cadence": gettext_lazy("%(path)s: dia da semana só combina com a cadência semanal."),
    "day_not_for_cadence": gettext_lazy("%(path)s: dia do mês só combina com a cadência mensal."),
    "event_not_for_cadence": gettext_lazy("%(path)s: evento combina com a cadência por evento, que precisa dele."),
    "missing_column": gettext_lazy("%(needed_by)s usa um dado que ainda não é registrado (%(column)s); tire essa condição da regra."),
    "not_finite": gettext_lazy("O cliente %(client)s tem um valor impossível (%(value)s); corrija seus pedidos e rode de novo."),
    "wrong_shape": gettext_lazy("A coluna %(column)s tem tamanho %(found)s e devia ter %(expected)s; importe os dados dela outra vez."),
    "not_sorted": gettext_lazy("A coluna %(column)s está fora de ordem na linha %(row)s; recalcule com rebuild_projections."),
    "not_a_position": gettext_lazy(
        "A coluna %(column)s aponta, na linha %(row)s, para %(value)s, fora de uma tabela de %(size)s; rode o giro de novo."
    ),
    "negative_value": gettext_lazy("O par %(row)s vale %(value)s, menos que nada; confira a comissão e a margem da regra."),
    "too_large": gettext_lazy("O maior valor, %(value)s centavos, passa do que se calcula com exatidão; confira os valores dos pedidos."),
    "impossible_history": gettext_lazy(
        "Nenhuma história de pedidos dá o que há na linha %(row)s (%(found)s); recalcule com rebuild_projections."
    ),
}
_WORDS = {
    "an object": gettext_lazy("um objeto"),
    "a list": gettext_lazy("uma lista"),
    "a list of two limits": gettext_lazy("uma lista de dois limites"),
    "text": gettext_lazy("um texto"),
    "a name": gettext_lazy("um nome"),
    "a number": gettext_lazy("um número"),
    "a whole number": gettext_lazy("um número inteiro"),
    "an id": gettext_lazy("um identificador"),
    "true or false": gettext_lazy("verdadeiro ou falso"),
    "null": gettext_lazy("vazio"),
}


def sentence(code: str, path: str, params: dict[str, Any]) -> str:
    """The refusal in the active language; an unknown code falls back on naming itself."""
    words: dict[str, Any] = {name: _WORDS.get(value, value) if isinstance(value, str) else value for name, value in params.items()}
    template = SENTENCES.get(code)
    if template is None:
        return f"{path or _('regra')}: {code} {params}"
    return str(template) % {"path": path or _("regra"), **words}


def refused(error: EngineError) -> RuleRefused:
    """The engine's refusal as the one services raise."""
    return RuleRefused(sentence(error.code, error.path, error.params), path=error.path, engine_code=error.code, params=dict(error.params))
