"""The organization's own fields come in by file: matched, remembered, read by their type, refused with place and cure."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts.models import Role
from accounts.services import Actor
from accounts.tenancy import acting_for
from clients.imports import jobs, run_import
from clients.imports.errors import BadMapping
from clients.imports.reading import UPLOAD, open_table
from clients.models import Client, CustomField, CustomValue, ImportJob
from clients.services.custom import save_field, switch_field
from tests.factories import make_member

pytestmark = pytest.mark.django_db
AT = timezone.now()
FIELDS = [
    ("client", "Área de venda", "number", []),
    ("client", "Fundação", "day", []),
    ("client", "Rede", "choice", ["Própria", "Associada"]),
    ("client", "Tem câmara fria", "yes_no", []),
    ("contact", "Time", "text", []),
]
HEADER = "client_code,name,city,area de VENDA,Fundação,rede,tem camara fria\n"


@pytest.fixture
def admin(organization, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path / "files"
    with acting_for(organization.pk):
        return make_member(organization, Role.ADMIN, name="Helena")


@pytest.fixture
def fields(admin):
    with acting_for(admin.organization_id):
        made = [
            save_field(
                {"subject": subject, "name": name, "kind": kind, "choices": choices, "purpose": "Teste", "retention_days": 30},
                by=admin,
                at=AT,
            )
            for subject, name, kind, choices in FIELDS
        ]
    return {field.name: field for field in made}


@pytest.fixture
def take(admin, tmp_path):
    def run(kind: str, text: str, *, at=AT, **more):
        path = tmp_path / "file.csv"
        path.write_text(text, encoding="utf-8")
        return run_import(kind, path, organization=admin.organization, by=Actor(admin), at=at, **more)

    return run


def said(organization) -> list[tuple[str, str, str]]:
    with acting_for(organization.pk):
        rows = CustomValue.objects.values_list("client__code", "contact__name", "field__name", "value")
        return sorted((f"{code} {who or ''}".strip(), name, value) for code, who, name, value in rows)


def test_each_type_is_read_written_left_alone_emptied_and_refused_in_its_place(organization, fields, take):
    text = HEADER + 'C1,Açaí,Belém,"1.234,50",15/03/1990,propria,sim\nC2,Bazar,Pará,,,Associada,\nC3,Casa,Rio,12,,,não\n'
    assert (take("clients", text, dry_run=True).created, said(organization)) == (3, [])
    result = take("clients", text)
    assert (result.created, result.updated, result.refused) == (3, 0, 0)
    first = [
        ("C1", "Fundação", "1990-03-15"), ("C1", "Rede", "Própria"), ("C1", "Tem câmara fria", "yes"), ("C1", "Área de venda", "1234.5"),
        ("C2", "Rede", "Associada"), ("C3", "Tem câmara fria", "no"), ("C3", "Área de venda", "12"),
    ]  # fmt: skip
    assert said(organization) == first
    with acting_for(organization.pk):
        assert {row.set_by.name for row in CustomValue.objects.select_related("set_by")} == {"Helena"}

    # Twice changes nothing, not even when each was said; a file without the columns speaks of none.
    again, other = take("clients", text, at=AT + timedelta(days=1)), take("clients", "client_code,name\nC1,Açaí\n")
    assert (again.updated, again.unchanged, other.unchanged, said(organization)) == (0, 3, 1, first)

    # One value changes, one is emptied: rows whose own fields alone changed are counted as changed.
    result = take("clients", HEADER + "C1,Açaí,Belém,1300,15/03/1990,Própria,sim\nC2,Bazar,Pará,,,,\nC3,Casa,Rio,12,,,não\n")
    assert (result.updated, result.unchanged) == (2, 1)
    assert said(organization) == sorted([*(row for row in first if row[1:] != ("Área de venda", "1234.5") and row[0] != "C2"),
                                         ("C1", "Área de venda", "1300")])  # fmt: skip

    result = take(
        "clients", HEADER + "C4,Dom,X,doze,,,\nC5,Eva,X,,31/02/2020,,\nC6,Fim,X,,,Franquia,\nC7,Gol,X,,,,talvez\nC8,Hoje,X,,,,sim\n"
    )
    assert (result.created, result.refused) == (1, 4)
    assert [(each["line"], each["column"], each["value"]) for each in result.refusals.listed(9)] == [
        (2, "area de VENDA", "doze"), (3, "Fundação", "31/02/2020"), (4, "rede", "Franquia"), (5, "tem camara fria", "talvez"),
    ]  # fmt: skip
    assert "Própria, Associada" in next(each["reason"] for each in result.refusals.listed(9) if each["line"] == 4)


def test_a_value_said_again_after_its_time_is_kept_anew(organization, fields, take):
    text = HEADER + "C1,Açaí,Belém,10,,,\n"
    take("clients", text)
    with acting_for(organization.pk):
        CustomValue.objects.update(set_at=AT - timedelta(days=31))
    assert take("clients", text).updated == 1
    with acting_for(organization.pk):
        assert CustomValue.objects.get().set_at == AT


def test_contacts_have_theirs_and_a_mapping_names_a_field_by_its_name(organization, fields, take):
    take("clients", "client_code,name\nC1,Açaí\nC2,Bazar\n")
    text = "client_code,name,clube\nC1,Marina,Ponte Preta\nC2,Marina,\n"
    result = take("contacts", text, mapping={"Time": "clube"})
    assert (result.created, said(organization)) == (2, [("C1 Marina", "Time", "Ponte Preta")])
    assert take("contacts", text, mapping={"Time": "clube"}).unchanged == 2
    result = take("contacts", text.replace("Ponte Preta", "Guarani"), mapping={"time": "clube"})
    assert (result.updated, said(organization)) == (1, [("C1 Marina", "Time", "Guarani")])
    with pytest.raises(BadMapping, match="não é uma coluna"):
        take("contacts", text, mapping={"Área de venda": "clube"})  # of clients, not of contacts


def test_in_the_browser_they_are_offered_remembered_and_asked_anew_once_switched_off(organization, admin, fields, signed_in, tmp_path):
    web, area = signed_in(admin), fields["Área de venda"]
    text = "Código;Razão Social;m2;Rede\nC1;Açaí;120;própria\n".encode()

    def upload():
        with acting_for(organization.pk):
            return jobs.receive_upload("clients", [text], file_name="a.csv", by=admin, language="pt-br")

    job = upload()
    page = f"/o/{organization.slug}/imports/{job.pk}/columns/"
    shown = web.get(page).content.decode()
    assert '<optgroup label="Campos próprios">' in shown and f'<option value="field_{fields["Rede"].pk}" selected>Rede</option>' in shown
    chosen = {"h0": "client_code", "h1": "name", "h2": f"field_{area.pk}", "h3": f"field_{fields['Rede'].pk}"}
    assert "foi indicada duas vezes" in web.post(page, {**chosen, "h3": chosen["h2"]}).content.decode()
    assert web.post(page, {**chosen, "decimal": ","}).status_code == 302
    assert jobs.work(organization.pk, at=timezone.now())
    with acting_for(organization.pk):
        assert ImportJob.objects.get(pk=job.pk).found["created"] == 1
        assert jobs.suggested_columns(upload())[0] == {
            "client_code": "Código", "name": "Razão Social", f"field_{area.pk}": "m2", f"field_{fields['Rede'].pk}": "Rede",
        }  # fmt: skip
        jobs.confirm(ImportJob.objects.get(pk=job.pk), by=admin)
        switch_field(area, False, by=admin, at=timezone.now())
    jobs.work(organization.pk, at=timezone.now())
    with acting_for(organization.pk):
        assert "foi desativado" in ImportJob.objects.get(pk=job.pk).error and not Client.objects.exists()
        later = upload()
        assert f"field_{area.pk}" not in jobs.suggested_columns(later)[0]
        jobs.choose_columns(later, jobs.suggested_columns(later)[0], decimal="", by=admin)
        CustomField.objects.filter(pk=fields["Fundação"].pk).update(hidden_at=timezone.now())  # offered, left out, then switched off
    jobs.work(organization.pk, at=timezone.now())
    with acting_for(organization.pk):
        assert ImportJob.objects.get(pk=later.pk).state == "checked"
    template = web.get(reverse("clients:import_template", args=[organization.slug, "clients"]))
    (tmp_path / "model.xlsx").write_bytes(template.content)
    assert open_table(tmp_path / "model.xlsx", UPLOAD).header[-2:] == ["Rede", "Tem câmara fria"]
