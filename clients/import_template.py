"""The sheet to fill in: a kind's columns on the first page, on the second what goes into each, with an example."""

import io
from urllib.parse import quote

import xlsxwriter
from django.http import HttpResponse
from django.utils.translation import gettext as _

from clients.import_words import kind_label, words_for
from clients.imports.kinds.base import Kind


def template_book(kind: type[Kind]) -> HttpResponse:
    """A workbook whose first sheet is ready to be filled and sent as it is: the example stands on the second, which is not read."""
    file = io.BytesIO()
    book = xlsxwriter.Workbook(file, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False})
    bold, must = book.add_format({"bold": True}), book.add_format({"bold": True, "bg_color": "#e9edfd"})
    text = book.add_format({"num_format": "@"})  # what is typed stays as typed: codes keep their zeros
    sheet = book.add_worksheet(kind_label(kind.name)[:31])
    guide = book.add_worksheet(_("Como preencher")[:31])
    sheet.freeze_panes(1, 0)
    for position, cell in enumerate((_("Coluna"), _("O que é"), _("Obrigatória"), _("Como escrever"), _("Exemplo"))):
        guide.write_string(0, position, cell, bold)
    for position, column in enumerate(kind.offers):
        words, header = words_for(kind, column), column.label or column.name
        sheet.write_string(0, position, header, must if column.must else bold)
        sheet.set_column(position, position, max(12, len(header) + 2), text)
        cells = (header, words.label, _("sim") if column.must else _("não"), words.form, words.example)
        for place, cell in enumerate(cells):
            guide.write_string(position + 1, place, str(cell))
    guide.set_column(0, 4, 24)
    guide.set_column(3, 3, 60)
    book.close()
    kind_of_file = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    response = HttpResponse(file.getvalue(), content_type=kind_of_file)
    name = _("modelo-%(kind)s.xlsx") % {"kind": kind_label(kind.name).lower().replace(" ", "-")}
    response.headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(name)}"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response
