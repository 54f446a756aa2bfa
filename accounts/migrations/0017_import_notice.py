from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0016_cover_and_handover_notices"),
    ]

    operations = [
        migrations.AlterField(
            model_name="notice",
            name="kind",
            field=models.CharField(
                choices=[
                    ("clients_received", "Clientes recebidos"),
                    ("clients_given", "Clientes que saíram"),
                    ("run_awaiting", "Giro aguardando revisão"),
                    ("run_failed", "Giro com falha"),
                    ("run_applied", "Giro aplicado"),
                    ("run_reversed", "Lote revertido"),
                    ("save_window", "Clientes a salvar"),
                    ("rule_halted", "Regra parada"),
                    ("rule_submitted", "Versão à espera de publicação"),
                    ("task_given", "Tarefa recebida"),
                    ("task_done", "Tarefa concluída"),
                    ("colleague_named", "Cliente em comum"),
                    ("request_made", "Pedido de vendedor"),
                    ("request_answered", "Pedido respondido"),
                    ("discard_proposed", "Descarte proposto"),
                    ("visit_elsewhere", "Visita a cliente de outra carteira"),
                    ("import_ended", "Importação encerrada"),
                ],
                max_length=40,
            ),
        ),
    ]
