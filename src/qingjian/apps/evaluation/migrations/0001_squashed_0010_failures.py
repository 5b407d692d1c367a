"""All tables of this app as they are now; a database that has some of them walks the migrations that made them."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from qingjian.apps.tables import CreateModels


class Migration(migrations.Migration):

    replaces = [
        ('evaluation', '0001_initial'),
        ('evaluation', '0002_progress_limits'),
        ('evaluation', '0003_elements'),
        ('evaluation', '0004_trend_warnings_and_standards'),
        ('evaluation', '0005_files_in_the_ledger'),
        ('evaluation', '0006_registry_changes'),
        ('evaluation', '0007_air_events'),
        ('evaluation', '0008_alter_rulechange_source'),
        ('evaluation', '0009_attempts_at_files'),
        ('evaluation', '0010_failures'),
    ]

    initial = True

    dependencies = [
        ('accounts', '0001_squashed_0004_administratorreset'),
        ('network', '0001_squashed_0009_source_converted_from'),
    ]

    operations = [
        CreateModels(
            creations=[
                migrations.CreateModel(
                    name='Progress',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('name', models.CharField(max_length=20, unique=True)),
                        ('known_until', models.DateTimeField(null=True)),
                        ('marks_until', models.BigIntegerField(default=0)),
                        ('limits_until', models.BigIntegerField(default=0)),
                        ('back_until', models.DateTimeField(null=True)),
                        ('complete', models.BooleanField(default=False)),
                    ],
                ),
                migrations.CreateModel(
                    name='Failure',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('element', models.CharField(max_length=20, verbose_name='Element')),
                        ('step', models.CharField(choices=[('evaluate', 'Evaluating days'), ('after', 'Warnings and exceedances'), ('follow', 'Following what came in'), ('history', 'Back history'), ('changes', 'Following changed rules'), ('renew', 'The last days again'), ('retry', 'Trying again')], max_length=8, verbose_name='Step')),
                        ('first', models.DateField(null=True, verbose_name='First day')),
                        ('last', models.DateField(null=True, verbose_name='Last day')),
                        ('error', models.CharField(max_length=500, verbose_name='Error')),
                        ('first_at', models.DateTimeField(verbose_name='Since')),
                        ('at', models.DateTimeField(verbose_name='Last tried')),
                        ('attempts', models.PositiveIntegerField(default=1, verbose_name='Attempts')),
                        ('point', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='network.point', verbose_name='Monitoring point')),
                    ],
                    options={
                        'verbose_name': 'Failed evaluation',
                        'ordering': ('-at', 'pk'),
                    },
                ),
                migrations.CreateModel(
                    name='RuleChange',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('source', models.CharField(choices=[('rules', 'Rules'), ('registry', 'Registry'), ('program', 'Program')], default='rules', max_length=8, verbose_name='Changed in')),
                        ('version', models.CharField(max_length=16, verbose_name='Rulebook')),
                        ('at', models.DateTimeField(verbose_name='Known at')),
                        ('snapshot', models.BinaryField()),
                        ('rows', models.JSONField(default=list)),
                        ('todo', models.JSONField(default=list)),
                        ('done', models.JSONField(default=list)),
                        ('point', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='network.point', verbose_name='Monitoring point')),
                    ],
                    options={
                        'verbose_name': 'Rule change',
                        'ordering': ('-id',),
                    },
                ),
                migrations.CreateModel(
                    name='TrendWarning',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('rule', models.CharField(blank=True, max_length=60)),
                        ('held_against', models.CharField(max_length=300, verbose_name='Limit')),
                        ('averaging', models.CharField(choices=[('hour', 'Hour'), ('day', 'Day')], max_length=8, verbose_name='Averaging period')),
                        ('start', models.DateTimeField(verbose_name='Warned at')),
                        ('end', models.DateTimeField(verbose_name='To (not included)')),
                        ('value', models.FloatField(verbose_name='Value')),
                        ('share', models.FloatField(verbose_name='Share of the limit (%)')),
                        ('slope', models.FloatField(verbose_name='Rise per period')),
                        ('expected_at', models.DateTimeField(verbose_name='Limit expected at')),
                        ('outcome', models.CharField(choices=[('running', 'Going on'), ('reached', 'Limit passed afterwards'), ('passed', 'Fell back, limit kept'), ('unknown', 'No valid data afterwards'), ('withdrawn', 'Withdrawn: data or marks changed')], default='running', max_length=10, verbose_name='Outcome')),
                        ('trace', models.JSONField()),
                        ('finding', models.CharField(max_length=32)),
                        ('limit', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='network.permitlimit')),
                        ('point', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='trend_warnings', to='network.point', verbose_name='Monitoring point')),
                        ('series', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='trend_warnings', to='network.series', verbose_name='Series')),
                    ],
                    options={
                        'verbose_name': 'Trend warning',
                        'ordering': ('-start', '-id'),
                        'indexes': [models.Index(fields=['point', 'averaging', 'start'], name='trend_warning_recent')],
                        'constraints': [models.UniqueConstraint(fields=('series', 'averaging', 'start'), name='one_warning_per_start')],
                    },
                ),
                migrations.CreateModel(
                    name='AirEvent',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('created_at', models.DateTimeField(verbose_name='Proposed at')),
                        ('decided_at', models.DateTimeField(null=True, verbose_name='Decided at')),
                        ('comment', models.CharField(blank=True, max_length=300, verbose_name='Comment')),
                        ('version', models.PositiveIntegerField(default=0)),
                        ('kind', models.CharField(choices=[('sand_dust', 'Sand dust'), ('exception_event', 'Exception event')], max_length=16, verbose_name='Kind')),
                        ('first', models.DateField(verbose_name='Event begins on')),
                        ('last', models.DateField(verbose_name='Event ends on')),
                        ('pollutants', models.JSONField(default=list, verbose_name='Pollutants')),
                        ('approval', models.CharField(max_length=200, verbose_name='Approving document')),
                        ('reason', models.TextField(max_length=1000, verbose_name='What happened')),
                        ('evidence_digest', models.CharField(max_length=64, verbose_name='Digest')),
                        ('evidence_name', models.CharField(max_length=200, verbose_name='Evidence')),
                        ('state', models.CharField(choices=[('proposed', 'Waiting for approval'), ('approved', 'Approved'), ('rejected', 'Rejected'), ('withdrawn', 'Withdrawn'), ('revoked', 'Revoked')], default='proposed', max_length=10, verbose_name='State')),
                        ('revoked_at', models.DateTimeField(null=True, verbose_name='Revoked at')),
                        ('revocation', models.CharField(blank=True, max_length=300, verbose_name='Why revoked')),
                        ('effect', models.JSONField(default=list)),
                        ('author', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='Proposed by')),
                        ('decided_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='Decided by')),
                        ('region', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.region', verbose_name='Region')),
                        ('revoked_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='Revoked by')),
                    ],
                    options={
                        'verbose_name': 'Air event',
                        'ordering': ('-first', '-id'),
                        'indexes': [models.Index(fields=['region', 'state', 'first'], name='air_event_of_region')],
                    },
                ),
                migrations.CreateModel(
                    name='EnteredFile',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('digest', models.CharField(max_length=64, verbose_name='Digest')),
                        ('attempt', models.PositiveSmallIntegerField(default=1)),
                        ('name', models.CharField(max_length=200, verbose_name='File')),
                        ('at', models.DateTimeField(verbose_name='Handed over at')),
                        ('statistic', models.CharField(max_length=10)),
                        ('rows', models.PositiveIntegerField(verbose_name='Rows')),
                        ('left_out', models.PositiveIntegerField(default=0, verbose_name='Rows left out')),
                        ('series', models.JSONField(default=list)),
                        ('options', models.JSONField(default=dict)),
                        ('author', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, to=settings.AUTH_USER_MODEL, verbose_name='By')),
                    ],
                    options={
                        'verbose_name': 'File of measurements',
                        'ordering': ('-at', '-id'),
                        'constraints': [models.UniqueConstraint(fields=('digest', 'attempt'), name='one_row_per_attempt_at_a_file')],
                    },
                ),
                migrations.CreateModel(
                    name='Evaluation',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('kind', models.CharField(choices=[('air_hour', 'Air, hour'), ('air_day', 'Air, day'), ('water_station_day', 'Surface water, day'), ('water_month', 'Surface water, month'), ('water_sample', 'Surface water, sample'), ('lake_month', 'Trophic state of a lake, month'), ('black_odorous', 'Black-odorous water, sample'), ('groundwater', 'Groundwater, sample'), ('drinking', 'Drinking-water source, sample'), ('soil', 'Soil, sample'), ('noise_day', 'Noise station, day'), ('noise_survey', 'Noise measured by hand'), ('noise_area_year', 'Noise of an area, year'), ('noise_road_year', 'Noise of roads, year'), ('radiation_day', 'Dose rate, day'), ('ecology_year', 'Ecological quality, year'), ('outlet_hour', 'Outlet, hour'), ('outlet_day', 'Outlet, day')], max_length=18, verbose_name='Kind')),
                        ('start', models.DateTimeField(verbose_name='Period')),
                        ('edition', models.CharField(blank=True, max_length=40, verbose_name='Edition')),
                        ('basis', models.CharField(blank=True, max_length=80, verbose_name='Basis')),
                        ('values', models.JSONField(default=dict)),
                        ('aqi', models.SmallIntegerField(null=True, verbose_name='AQI')),
                        ('publishable', models.BooleanField(default=True)),
                        ('category', models.CharField(blank=True, max_length=12, verbose_name='Category')),
                        ('primary', models.CharField(blank=True, max_length=60, verbose_name='Primary pollutant')),
                        ('water_class', models.CharField(blank=True, max_length=4, verbose_name='Class')),
                        ('target', models.CharField(blank=True, max_length=4, verbose_name='Target class')),
                        ('reached', models.BooleanField(null=True, verbose_name='Target reached')),
                        ('main_items', models.CharField(blank=True, max_length=120, verbose_name='Main items')),
                        ('exceeds', models.BooleanField(null=True, verbose_name='Exceeds')),
                        ('multiple', models.FloatField(null=True, verbose_name='Times above the limit')),
                        ('result', models.JSONField(default=dict)),
                        ('confidence', models.CharField(max_length=1, verbose_name='Confidence')),
                        ('trace', models.JSONField(null=True)),
                        ('rulebook', models.CharField(max_length=16)),
                        ('inputs_known_at', models.DateTimeField()),
                        ('inputs_digest', models.CharField(max_length=16)),
                        ('known_at', models.DateTimeField(verbose_name='Known at')),
                        ('revision', models.PositiveIntegerField(default=0, verbose_name='Revision')),
                        ('superseded_at', models.DateTimeField(null=True)),
                        ('point', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='evaluations', to='network.point', verbose_name='Monitoring point')),
                        ('region', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.region', verbose_name='Region')),
                        ('rule_change', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='evaluations', to='evaluation.rulechange', verbose_name='Rule change')),
                    ],
                    options={
                        'verbose_name': 'Evaluation',
                        'ordering': ('-start', '-revision'),
                        'indexes': [models.Index(condition=models.Q(('superseded_at__isnull', True)), fields=['kind', 'start'], name='evaluation_current')],
                        'constraints': [models.UniqueConstraint(condition=models.Q(('point__isnull', False)), fields=('point', 'kind', 'start', 'revision'), name='one_evaluation_of_a_point'), models.UniqueConstraint(condition=models.Q(('point__isnull', True)), fields=('region', 'kind', 'start', 'revision'), name='one_evaluation_of_a_region')],
                    },
                ),
                migrations.CreateModel(
                    name='Exceedance',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('rule', models.CharField(blank=True, max_length=60)),
                        ('held_against', models.CharField(blank=True, max_length=300, verbose_name='Limit')),
                        ('averaging', models.CharField(choices=[('hour', 'Hour'), ('day', 'Day')], max_length=8, verbose_name='Averaging period')),
                        ('start', models.DateTimeField(verbose_name='From')),
                        ('end', models.DateTimeField(verbose_name='To (not included)')),
                        ('periods', models.PositiveIntegerField(verbose_name='Periods')),
                        ('peak', models.FloatField(verbose_name='Highest value')),
                        ('multiple', models.FloatField(null=True, verbose_name='Times above the limit')),
                        ('running', models.BooleanField(default=False, verbose_name='Running')),
                        ('marked', models.BooleanField(default=False, verbose_name='Marked')),
                        ('reason_zh', models.CharField(blank=True, max_length=200)),
                        ('reason_en', models.CharField(blank=True, max_length=200)),
                        ('finding', models.CharField(blank=True, max_length=32)),
                        ('evaluation', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='evaluation.evaluation')),
                        ('limit', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='network.permitlimit', verbose_name='Permit limit')),
                        ('point', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='exceedances', to='network.point', verbose_name='Monitoring point')),
                        ('series', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='exceedances', to='network.series', verbose_name='Series')),
                    ],
                    options={
                        'verbose_name': 'Exceedance',
                        'ordering': ('-start', '-id'),
                        'constraints': [models.UniqueConstraint(fields=('series', 'limit', 'rule', 'averaging', 'start', 'marked'), name='one_exceedance_per_start')],
                    },
                ),
            ],
        ),
    ]
