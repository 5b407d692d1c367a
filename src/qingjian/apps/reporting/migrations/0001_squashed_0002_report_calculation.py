"""All tables of this app as they are now; a database that has some of them walks the migrations that made them."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from qingjian.apps.tables import CreateModels


class Migration(migrations.Migration):

    replaces = [
        ('reporting', '0001_initial'),
        ('reporting', '0002_report_calculation'),
    ]

    initial = True

    dependencies = [
        ('accounts', '0001_squashed_0004_administratorreset'),
        ('matters', '0001_squashed_0012_deadlines_are_counted_alone'),
    ]

    operations = [
        CreateModels(
            creations=[
                migrations.CreateModel(
                    name='Report',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('element', models.CharField(choices=[('air', 'Air'), ('water', 'Surface water')], max_length=8, verbose_name='Element')),
                        ('span', models.CharField(choices=[('day', 'Daily report'), ('month', 'Monthly report'), ('quarter', 'Quarterly report'), ('year', 'Yearly report')], max_length=8, verbose_name='Kind')),
                        ('first', models.DateField(verbose_name='From')),
                        ('last', models.DateField(verbose_name='To')),
                        ('revision', models.PositiveIntegerField(default=1, verbose_name='Version')),
                        ('state', models.CharField(choices=[('draft', 'Draft'), ('final', 'Final')], default='draft', max_length=6, verbose_name='State')),
                        ('content', models.JSONField()),
                        ('digest', models.CharField(max_length=64, verbose_name='Digest')),
                        ('confidence', models.CharField(max_length=1, verbose_name='Confidence')),
                        ('rulebook', models.CharField(max_length=16)),
                        ('calculation', models.PositiveSmallIntegerField(default=1, verbose_name='Version of the evaluation')),
                        ('made_at', models.DateTimeField(verbose_name='Made at')),
                        ('final_at', models.DateTimeField(null=True, verbose_name='Final since')),
                        ('remark', models.CharField(blank=True, max_length=500, verbose_name='Remark')),
                        ('excel', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='matters.storedfile', verbose_name='Excel')),
                        ('final_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='Signed off by')),
                        ('made_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='Made by')),
                        ('region', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.region', verbose_name='Region')),
                        ('word', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='matters.storedfile', verbose_name='Word')),
                    ],
                    options={
                        'verbose_name': 'Report',
                        'ordering': ('-first', '-last', 'element', '-revision'),
                        'constraints': [models.UniqueConstraint(fields=('element', 'span', 'region', 'first', 'revision'), name='one_version_of_a_report')],
                    },
                ),
            ],
        ),
    ]
