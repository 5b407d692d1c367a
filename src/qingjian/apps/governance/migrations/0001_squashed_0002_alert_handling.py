"""All tables of this app as they are now; a database that has some of them walks the migrations that made them."""

from django.db import migrations

from qingjian.apps.tables import CreateModels


class Migration(migrations.Migration):

    replaces = [
        ('governance', '0001_initial'),
        ('governance', '0002_alert_handling'),
    ]

    initial = True

    dependencies = [
        ('matters', '0001_squashed_0012_deadlines_are_counted_alone'),
    ]

    operations = [
        CreateModels(
            creations=[
                migrations.CreateModel(
                    name='AlertHandling',
                    fields=[
                    ],
                    options={
                        'verbose_name': 'Handling of an alert',
                        'proxy': True,
                        'indexes': [],
                        'constraints': [],
                    },
                    bases=('matters.matter',),
                ),
                migrations.CreateModel(
                    name='CorrectiveAction',
                    fields=[
                    ],
                    options={
                        'verbose_name': 'Corrective action',
                        'proxy': True,
                        'indexes': [],
                        'constraints': [],
                    },
                    bases=('matters.matter',),
                ),
            ],
        ),
    ]
