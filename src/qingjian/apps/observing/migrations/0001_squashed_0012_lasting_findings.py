"""All tables of this app as they are now; a database that has some of them walks the migrations that made them."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from qingjian.apps.tables import CreateModels


class Migration(migrations.Migration):

    replaces = [
        ('observing', '0001_initial'),
        ('observing', '0002_holder_confirms'),
        ('observing', '0003_clue_statement'),
        ('observing', '0004_filled_cause'),
        ('observing', '0005_correction'),
        ('observing', '0006_handled_as'),
        ('observing', '0007_clue_clue_opened_clue_clue_counts'),
        ('observing', '0008_log_books'),
        ('observing', '0009_two_persons'),
        ('observing', '0010_clue_newest'),
        ('observing', '0011_merged_alerts'),
        ('observing', '0012_lasting_findings'),
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
                    name='Consumer',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('name', models.CharField(max_length=40, unique=True)),
                        ('position', models.BigIntegerField(default=0)),
                    ],
                ),
                migrations.CreateModel(
                    name='Alert',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('rule', models.CharField(max_length=60, verbose_name='Rule')),
                        ('subject', models.CharField(max_length=80, verbose_name='Subject')),
                        ('subject_kind', models.CharField(max_length=10)),
                        ('severity', models.CharField(choices=[('information', 'Information'), ('minor', 'Minor'), ('major', 'Major'), ('critical', 'Critical')], max_length=12, verbose_name='Severity')),
                        ('state', models.CharField(choices=[('open', 'Open'), ('acknowledged', 'Acknowledged'), ('closed', 'Closed')], default='open', max_length=14, verbose_name='State')),
                        ('opened_at', models.DateTimeField(verbose_name='Opened')),
                        ('last_at', models.DateTimeField(verbose_name='Last finding')),
                        ('ended_at', models.DateTimeField(null=True, verbose_name='Ended')),
                        ('findings_count', models.PositiveIntegerField(default=0, verbose_name='Findings')),
                        ('escalation', models.PositiveSmallIntegerField(default=0, verbose_name='Escalation')),
                        ('escalate_at', models.DateTimeField(null=True, verbose_name='Escalates at')),
                        ('cause', models.CharField(blank=True, choices=[('pollution', 'Real pollution'), ('process', 'Process or facility fault'), ('instrument', 'Instrument fault'), ('maintenance', 'Maintenance or calibration'), ('network', 'Power or network'), ('setting', 'Wrong setting or registration'), ('stopped', 'Production stopped'), ('rule', 'The rule was wrong'), ('heartbeat', 'Self-test of alerting'), ('filled', 'The missing data came afterwards'), ('other', 'Other')], max_length=12, verbose_name='Cause')),
                        ('handled_as', models.CharField(blank=True, max_length=60, verbose_name='Handled as')),
                        ('synthetic', models.BooleanField(default=False)),
                        ('version', models.PositiveIntegerField(default=0)),
                        ('merged_into', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='members', to='observing.alert', verbose_name='Merged into')),
                        ('organisation', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, to='accounts.organisation', verbose_name='Organisation')),
                        ('point', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='alerts', to='network.point', verbose_name='Monitoring point')),
                        ('region', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, to='accounts.region', verbose_name='Region')),
                    ],
                    options={
                        'verbose_name': 'Alert',
                        'ordering': ('-last_at', '-id'),
                        'indexes': [models.Index(fields=['state', '-last_at'], name='observing_a_state_4117b8_idx')],
                        'constraints': [models.UniqueConstraint(condition=models.Q(('state', 'closed'), _negated=True), fields=('rule', 'subject'), name='one_open_alert_per_rule_and_subject')],
                    },
                ),
                migrations.CreateModel(
                    name='Clue',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('kind', models.CharField(max_length=40, verbose_name='Kind')),
                        ('rule', models.CharField(max_length=60, verbose_name='Rule')),
                        ('start', models.DateTimeField(verbose_name='From')),
                        ('end', models.DateTimeField(null=True, verbose_name='To')),
                        ('score', models.FloatField(verbose_name='Score')),
                        ('statement', models.TextField(verbose_name='Statement')),
                        ('evidence', models.JSONField(default=dict)),
                        ('statement_en', models.TextField(blank=True)),
                        ('confidence', models.CharField(default='normal', max_length=8, verbose_name='Confidence')),
                        ('simulated', models.BooleanField(default=False, verbose_name='Simulated')),
                        ('revision', models.PositiveIntegerField(default=1)),
                        ('state', models.CharField(choices=[('open', 'Open'), ('confirmed', 'Confirmed'), ('dismissed', 'Dismissed')], default='open', max_length=10, verbose_name='State')),
                        ('opened_at', models.DateTimeField(verbose_name='Opened')),
                        ('decided_at', models.DateTimeField(null=True)),
                        ('reason', models.CharField(blank=True, max_length=300, verbose_name='Reason')),
                        ('version', models.PositiveIntegerField(default=0)),
                        ('decided_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, to=settings.AUTH_USER_MODEL)),
                        ('point', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='clues', to='network.point', verbose_name='Monitoring point')),
                        ('series', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='clues', to='network.series', verbose_name='Series')),
                    ],
                    options={
                        'verbose_name': 'Clue',
                        'ordering': ('-opened_at', '-id'),
                        'indexes': [models.Index(fields=['rule', 'kind', 'state'], name='clue_rule_kind_state'), models.Index(fields=['-opened_at', '-id'], name='clue_opened'), models.Index(fields=['state', '-start', '-score', 'point'], name='clue_newest'), models.Index(fields=['point', 'start', 'rule', 'kind', 'state', 'simulated'], name='clue_counts')],
                    },
                ),
                migrations.CreateModel(
                    name='Correction',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('created_at', models.DateTimeField(verbose_name='Proposed at')),
                        ('state', models.CharField(choices=[('proposed', 'Waiting for approval'), ('approved', 'Approved'), ('rejected', 'Rejected'), ('withdrawn', 'Withdrawn')], default='proposed', max_length=10, verbose_name='State')),
                        ('decided_at', models.DateTimeField(null=True, verbose_name='Decided at')),
                        ('comment', models.CharField(blank=True, max_length=300, verbose_name='Comment')),
                        ('version', models.PositiveIntegerField(default=0)),
                        ('statistic', models.CharField(max_length=10, verbose_name='Statistic')),
                        ('start', models.DateTimeField(verbose_name='Period')),
                        ('revision', models.PositiveIntegerField(verbose_name='Revision')),
                        ('before', models.JSONField(verbose_name='Before')),
                        ('after', models.JSONField(verbose_name='After')),
                        ('reason', models.CharField(max_length=300, verbose_name='Reason')),
                        ('stored', models.BooleanField(default=False)),
                        ('author', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='Proposed by')),
                        ('decided_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='Decided by')),
                        ('series', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='corrections', to='network.series', verbose_name='Series')),
                    ],
                    options={
                        'verbose_name': 'Correction',
                        'ordering': ('-id',),
                        'indexes': [models.Index(condition=models.Q(('state', 'approved'), ('stored', False)), fields=['id'], name='corrections_to_store')],
                        'constraints': [models.UniqueConstraint(condition=models.Q(('state', 'proposed')), fields=('series', 'statistic', 'start'), name='one_proposed_correction_per_value')],
                    },
                ),
                migrations.CreateModel(
                    name='Filing',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('book', models.CharField(max_length=20, verbose_name='Log book')),
                        ('at', models.DateTimeField(verbose_name='Entered')),
                        ('file_name', models.CharField(blank=True, max_length=200, verbose_name='File')),
                        ('author', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='Entered by')),
                    ],
                    options={
                        'ordering': ('-id',),
                    },
                ),
                migrations.CreateModel(
                    name='Mark',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('series', models.JSONField(verbose_name='Series')),
                        ('start', models.DateTimeField(verbose_name='From')),
                        ('end', models.DateTimeField(verbose_name='To (not included)')),
                        ('kind', models.CharField(choices=[('maintenance', 'Maintenance'), ('calibration', 'Calibration'), ('fault', 'Instrument fault'), ('stopped', 'Source stopped'), ('invalid', 'Invalid'), ('valid', 'Valid after review'), ('verified', 'Verified'), ('ratified', 'Ratified'), ('confirmed', 'Confirmed by the holder')], max_length=12, verbose_name='Mark')),
                        ('reason', models.CharField(max_length=300, verbose_name='Reason')),
                        ('known_at', models.DateTimeField(verbose_name='Known at')),
                        ('withdrawn', models.BooleanField(default=False)),
                        ('author', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to=settings.AUTH_USER_MODEL, verbose_name='Author')),
                        ('point', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='marks', to='network.point')),
                        ('supersedes', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='superseded_by', to='observing.mark')),
                    ],
                    options={
                        'verbose_name': 'Mark',
                        'ordering': ('-known_at', '-id'),
                    },
                ),
                migrations.CreateModel(
                    name='AlertStep',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('at', models.DateTimeField(verbose_name='Time')),
                        ('action', models.CharField(max_length=20, verbose_name='Action')),
                        ('note', models.CharField(blank=True, max_length=500, verbose_name='Note')),
                        ('alert', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='steps', to='observing.alert')),
                        ('author', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, to=settings.AUTH_USER_MODEL)),
                    ],
                    options={
                        'ordering': ('id',),
                    },
                ),
                migrations.CreateModel(
                    name='FindingRecord',
                    fields=[
                        ('id', models.CharField(max_length=32, primary_key=True, serialize=False)),
                        ('rule', models.CharField(db_index=True, max_length=60, verbose_name='Rule')),
                        ('rule_version', models.CharField(max_length=20)),
                        ('subject', models.CharField(db_index=True, max_length=80, verbose_name='Subject')),
                        ('subject_kind', models.CharField(max_length=10)),
                        ('start', models.DateTimeField(db_index=True, verbose_name='From')),
                        ('end', models.DateTimeField(null=True, verbose_name='To')),
                        ('severity', models.CharField(choices=[('information', 'Information'), ('minor', 'Minor'), ('major', 'Major'), ('critical', 'Critical')], max_length=12, verbose_name='Severity')),
                        ('evidence', models.JSONField(default=dict, verbose_name='Evidence')),
                        ('known_at', models.DateTimeField(null=True)),
                        ('alert', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='findings', to='observing.alert')),
                        ('point', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='findings', to='network.point')),
                    ],
                    options={
                        'verbose_name': 'Finding',
                        'ordering': ('-start',),
                        'indexes': [models.Index(condition=models.Q(('end', None)), fields=['alert'], name='findings_lasting')],
                    },
                ),
                migrations.CreateModel(
                    name='Heartbeat',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('sent_at', models.DateTimeField(verbose_name='Sent')),
                        ('proved_at', models.DateTimeField(null=True, verbose_name='Proved')),
                        ('failed', models.BooleanField(default=False)),
                        ('alert', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, to='observing.alert')),
                    ],
                    options={
                        'ordering': ('-sent_at',),
                    },
                ),
                migrations.CreateModel(
                    name='MaterialUse',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('simulated', models.BooleanField(default=False, verbose_name='Simulated')),
                        ('struck_at', models.DateTimeField(null=True, verbose_name='Struck out')),
                        ('struck_reason', models.CharField(blank=True, max_length=300, verbose_name='Reason')),
                        ('material', models.CharField(choices=[('coal', 'Coal'), ('gas', 'Natural gas'), ('oil', 'Oil'), ('biomass', 'Biomass'), ('waste', 'Waste burnt'), ('raw', 'Raw material'), ('water', 'Water drawn'), ('limestone', 'Limestone or lime'), ('urea', 'Urea'), ('ammonia', 'Ammonia'), ('chemical', 'Treatment chemical'), ('power', 'Electricity of the treatment')], max_length=12, verbose_name='Material')),
                        ('first_day', models.DateField(verbose_name='First day')),
                        ('last_day', models.DateField(verbose_name='Last day (included)')),
                        ('amount', models.DecimalField(decimal_places=3, max_digits=16, verbose_name='Amount')),
                        ('unit', models.CharField(choices=[('t', 't'), ('kg', 'kg'), ('m3', 'm³'), ('kWh', 'kWh')], max_length=10, verbose_name='Unit')),
                        ('document', models.CharField(blank=True, max_length=200, verbose_name='Document')),
                        ('filing', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='%(class)s_rows', to='observing.filing')),
                        ('outlet', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='materials', to='network.outlet', verbose_name='Outlet')),
                        ('struck_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ],
                    options={
                        'verbose_name': 'Material used',
                        'ordering': ('-last_day', '-id'),
                        'indexes': [models.Index(fields=['outlet', 'last_day'], name='material_outlet_day')],
                    },
                ),
                migrations.CreateModel(
                    name='RemoteSession',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('simulated', models.BooleanField(default=False, verbose_name='Simulated')),
                        ('struck_at', models.DateTimeField(null=True, verbose_name='Struck out')),
                        ('struck_reason', models.CharField(blank=True, max_length=300, verbose_name='Reason')),
                        ('start', models.DateTimeField(verbose_name='Began')),
                        ('end', models.DateTimeField(blank=True, null=True, verbose_name='Ended')),
                        ('person', models.CharField(max_length=120, verbose_name='Who')),
                        ('address', models.CharField(blank=True, max_length=120, verbose_name='From address')),
                        ('purpose', models.CharField(blank=True, max_length=300, verbose_name='What for')),
                        ('notice', models.CharField(blank=True, max_length=120, verbose_name='Maintenance notice (number)')),
                        ('device', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='sessions', to='network.device', verbose_name='Device')),
                        ('filing', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='%(class)s_rows', to='observing.filing')),
                        ('struck_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ],
                    options={
                        'verbose_name': 'Remote session',
                        'ordering': ('-start', '-id'),
                        'indexes': [models.Index(fields=['device', 'start'], name='session_device_start')],
                    },
                ),
                migrations.CreateModel(
                    name='SoftwareReading',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('simulated', models.BooleanField(default=False, verbose_name='Simulated')),
                        ('struck_at', models.DateTimeField(null=True, verbose_name='Struck out')),
                        ('struck_reason', models.CharField(blank=True, max_length=300, verbose_name='Reason')),
                        ('read_at', models.DateTimeField(verbose_name='Read')),
                        ('version', models.CharField(max_length=60, verbose_name='Software version')),
                        ('digest', models.CharField(max_length=128, verbose_name='Hash')),
                        ('reader', models.CharField(max_length=120, verbose_name='Read by')),
                        ('way', models.CharField(choices=[('on_site', 'Read on site'), ('remote', 'Read from afar'), ('reported', 'Reported by the device')], default='on_site', max_length=10, verbose_name='How')),
                        ('device', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='software_readings', to='network.device', verbose_name='Device')),
                        ('filing', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='%(class)s_rows', to='observing.filing')),
                        ('instrument', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='software_readings', to='network.instrument', verbose_name='Instrument')),
                        ('struck_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                    ],
                    options={
                        'verbose_name': 'Software found',
                        'ordering': ('-read_at', '-id'),
                        'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('device__isnull', False), ('instrument__isnull', True)), models.Q(('device__isnull', True), ('instrument__isnull', False)), _connector='OR'), name='software_reading_of_one')],
                    },
                ),
            ],
        ),
    ]
