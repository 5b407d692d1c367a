"""All tables of this app as they are now; a database that has some of them walks the migrations that made them."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from qingjian.apps.tables import CreateModels


class Migration(migrations.Migration):

    replaces = [
        ('integrity', '0001_initial'),
        ('integrity', '0002_screening'),
        ('integrity', '0003_suspect_suspect_counts'),
        ('integrity', '0004_two_persons_mute'),
        ('integrity', '0005_lifted_kinds'),
        ('integrity', '0006_suspect_chart_alter_suspect_outcome'),
    ]

    initial = True

    dependencies = [
        ('accounts', '0001_squashed_0004_administratorreset'),
        ('matters', '0001_squashed_0012_deadlines_are_counted_alone'),
        ('network', '0001_squashed_0009_source_converted_from'),
        ('observing', '0001_squashed_0012_lasting_findings'),
    ]

    operations = [
        CreateModels(
            creations=[
                migrations.CreateModel(
                    name='ClueVerification',
                    fields=[
                    ],
                    options={
                        'verbose_name': 'Clue verification',
                        'proxy': True,
                        'indexes': [],
                        'constraints': [],
                    },
                    bases=('matters.matter',),
                ),
                migrations.CreateModel(
                    name='SelfProof',
                    fields=[
                    ],
                    options={
                        'verbose_name': 'Self-proof',
                        'proxy': True,
                        'indexes': [],
                        'constraints': [],
                    },
                    bases=('matters.matter',),
                ),
                migrations.CreateModel(
                    name='RuleSet',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('version', models.PositiveIntegerField(unique=True, verbose_name='Version')),
                        ('budget', models.FloatField(default=1.0, verbose_name='False alarms a station and month that can be checked')),
                        ('month_share', models.FloatField(default=2.0, verbose_name='Share of honest months a monthly dossier may reach (%)')),
                        ('least_days', models.PositiveSmallIntegerField(default=1, verbose_name='Shortest stretch that becomes a clue (days)')),
                        ('kinds_off', models.JSONField(default=list, verbose_name='Kinds that do not become clues')),
                        ('faults_as_clues', models.BooleanField(default=False, verbose_name='What looks like instrument trouble becomes a clue')),
                        ('weak_as_clues', models.BooleanField(default=True, verbose_name='Findings with little history become clues')),
                        ('precision_floor', models.FloatField(default=20.0, verbose_name='A rule below this precision is muted (%)')),
                        ('least_closed', models.PositiveSmallIntegerField(default=10, verbose_name='Closed clues before a rule can be muted')),
                        ('reason', models.CharField(max_length=300, verbose_name='Reason')),
                        ('created_at', models.DateTimeField(verbose_name='Written')),
                        ('activated_at', models.DateTimeField(null=True, verbose_name='Switched on')),
                        ('activation_reason', models.CharField(blank=True, max_length=300, verbose_name='Why it was switched on')),
                        ('activated_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='Switched on by')),
                        ('author', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='Author')),
                    ],
                    options={
                        'verbose_name': 'Rule set',
                        'ordering': ('-version',),
                    },
                ),
                migrations.CreateModel(
                    name='Suspect',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('rule', models.CharField(max_length=60, verbose_name='Rule')),
                        ('kind', models.CharField(blank=True, max_length=40, verbose_name='Kind')),
                        ('first_day', models.DateField(verbose_name='From')),
                        ('last_day', models.DateField(verbose_name='To')),
                        ('score', models.FloatField(verbose_name='Score')),
                        ('fault_score', models.FloatField(default=0.0)),
                        ('confidence', models.CharField(default='normal', max_length=8, verbose_name='Confidence')),
                        ('version', models.PositiveIntegerField(default=1, verbose_name='Version')),
                        ('outcome', models.CharField(choices=[('clue', 'Became a clue'), ('muted', 'Rule muted'), ('kind_off', 'Kind switched off'), ('fault', 'Looks like instrument trouble'), ('weak', 'Too little history'), ('short', 'Too short'), ('decided', 'Its days are decided')], max_length=10, verbose_name='Outcome')),
                        ('withdrawn', models.BooleanField(default=False)),
                        ('chart', models.JSONField(null=True)),
                        ('found_at', models.DateTimeField(verbose_name='Found')),
                        ('clue', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='suspects', to='observing.clue')),
                        ('series', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='suspects', to='network.series')),
                    ],
                    options={
                        'verbose_name': 'Suspect',
                        'ordering': ('-last_day', 'series'),
                        'indexes': [models.Index(fields=['series', 'rule', 'last_day'], name='suspect_series_rule'), models.Index(fields=['series', 'first_day', 'rule', 'kind', 'outcome', 'withdrawn'], name='suspect_counts')],
                    },
                ),
                migrations.CreateModel(
                    name='Mute',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('rule', models.CharField(max_length=60, verbose_name='Rule')),
                        ('kind', models.CharField(max_length=40, verbose_name='Kind')),
                        ('since', models.DateTimeField(verbose_name='Muted since')),
                        ('reason', models.CharField(blank=True, max_length=300, verbose_name='Reason')),
                        ('floor', models.FloatField(null=True)),
                        ('confirmed', models.PositiveIntegerField(default=0)),
                        ('closed', models.PositiveIntegerField(default=0)),
                        ('agreed_at', models.DateTimeField(null=True, verbose_name='Agreed')),
                        ('lifted_at', models.DateTimeField(null=True, verbose_name='Un-muted')),
                        ('lift_reason', models.CharField(blank=True, max_length=300, verbose_name='Why it was un-muted')),
                        ('lifted_closed', models.PositiveIntegerField(null=True)),
                        ('lifted_kinds', models.JSONField(default=dict)),
                        ('author', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='Muted by')),
                        ('lifted_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                        ('second', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='Agreed by')),
                    ],
                    options={
                        'ordering': ('-since',),
                        'constraints': [models.UniqueConstraint(condition=models.Q(('lifted_at', None)), fields=('rule', 'kind'), name='one_mute_in_force')],
                    },
                ),
                migrations.CreateModel(
                    name='ScoreMonth',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('month', models.DateField(verbose_name='Month')),
                        ('scores', models.JSONField(default=list)),
                        ('faults', models.JSONField(default=list)),
                        ('kinds', models.JSONField(default=list)),
                        ('measured', models.PositiveSmallIntegerField(default=1)),
                        ('month_score', models.FloatField(null=True)),
                        ('month_kind', models.CharField(blank=True, max_length=40)),
                        ('lowered', models.BooleanField(default=False)),
                        ('values', models.PositiveIntegerField(default=0, verbose_name='Values screened')),
                        ('known_at', models.DateTimeField()),
                        ('series', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='score_months', to='network.series')),
                    ],
                    options={
                        'ordering': ('series', 'month'),
                        'constraints': [models.UniqueConstraint(fields=('series', 'month'), name='one_score_month')],
                    },
                ),
                migrations.CreateModel(
                    name='Trial',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('first_day', models.DateField(verbose_name='From')),
                        ('last_day', models.DateField(verbose_name='To')),
                        ('result', models.JSONField(default=dict)),
                        ('at', models.DateTimeField(verbose_name='Time')),
                        ('against', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='integrity.ruleset')),
                        ('author', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                        ('rules', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='trials', to='integrity.ruleset')),
                    ],
                    options={
                        'ordering': ('-at',),
                    },
                ),
                migrations.CreateModel(
                    name='SuspectVersion',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('version', models.PositiveIntegerField(verbose_name='Version')),
                        ('screened_until', models.DateField(verbose_name='Screened until')),
                        ('known_at', models.DateTimeField(verbose_name='Known at')),
                        ('withdrawn', models.BooleanField(default=False)),
                        ('record', models.JSONField(default=dict)),
                        ('rules', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='integrity.ruleset')),
                        ('suspect', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='versions', to='integrity.suspect')),
                    ],
                    options={
                        'ordering': ('suspect', 'version'),
                        'constraints': [models.UniqueConstraint(fields=('suspect', 'version'), name='suspect_version')],
                    },
                ),
            ],
        ),
    ]
