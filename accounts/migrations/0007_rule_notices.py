from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0006_save_window_notice"),
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
                ],
                max_length=40,
            ),
        ),
    ]
