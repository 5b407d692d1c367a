"""All tables of this app as they are now; a database that has some of them walks the migrations that made them."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from qingjian.apps.tables import CreateModels


class Migration(migrations.Migration):

    replaces = [
        ('network', '0001_initial'),
        ('network', '0002_longer_notice'),
        ('network', '0003_installed_places'),
        ('network', '0004_software'),
        ('network', '0005_two_persons'),
        ('network', '0006_alter_forwardtarget_devices'),
        ('network', '0007_keys_of_several_fields'),
        ('network', '0008_request_places'),
        ('network', '0009_source_converted_from'),
    ]

    initial = True

    dependencies = [
        ('accounts', '0001_squashed_0004_administratorreset'),
    ]

    operations = [
        CreateModels(
            creations=[
                migrations.CreateModel(
                    name='Factor',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('code', models.CharField(max_length=40, unique=True, verbose_name='Factor')),
                        ('medium', models.CharField(max_length=20, verbose_name='Medium')),
                        ('wire_code', models.CharField(max_length=20, verbose_name='HJ 212 code')),
                        ('name_zh', models.CharField(max_length=60, verbose_name='Chinese name')),
                        ('name_en', models.CharField(max_length=60, verbose_name='English name')),
                        ('unit', models.CharField(blank=True, max_length=20, verbose_name='Unit')),
                        ('decimals', models.PositiveSmallIntegerField(default=2, verbose_name='Decimals')),
                    ],
                    options={
                        'verbose_name': 'Factor',
                        'ordering': ('code',),
                    },
                ),
                migrations.CreateModel(
                    name='ForwardTarget',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('code', models.CharField(max_length=40, unique=True, verbose_name='Target code')),
                        ('name', models.CharField(max_length=120, verbose_name='Name')),
                        ('host', models.CharField(max_length=120, verbose_name='Host')),
                        ('port', models.PositiveIntegerField(verbose_name='Port')),
                        ('devices', models.JSONField(default=list, verbose_name='Devices (MN, region:code, or *)')),
                        ('mn', models.JSONField(blank=True, default=dict, verbose_name='Own MN → MN there')),
                        ('password', models.CharField(blank=True, max_length=40, verbose_name='Access password (PW)')),
                        ('enabled', models.BooleanField(default=True, verbose_name='Enabled')),
                    ],
                    options={
                        'verbose_name': 'Forwarding target',
                        'ordering': ('code',),
                    },
                ),
                migrations.CreateModel(
                    name='Source',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('code', models.CharField(max_length=40, unique=True, verbose_name='Source code')),
                        ('name', models.CharField(max_length=120, verbose_name='Name')),
                        ('industry', models.CharField(blank=True, max_length=80, verbose_name='Industry')),
                        ('management', models.CharField(choices=[('key', 'Key management'), ('simple', 'Simplified management'), ('registered', 'Registration only')], default='key', max_length=12, verbose_name='Permit management')),
                        ('address', models.CharField(blank=True, max_length=200, verbose_name='Address')),
                        ('longitude', models.FloatField(blank=True, null=True, verbose_name='Longitude (CGCS2000)')),
                        ('latitude', models.FloatField(blank=True, null=True, verbose_name='Latitude (CGCS2000)')),
                        ('converted_from', models.CharField(blank=True, max_length=12, verbose_name='Coordinates converted from')),
                        ('contact', models.CharField(blank=True, max_length=80, verbose_name='Contact')),
                        ('status', models.CharField(choices=[('running', 'Running'), ('stopped', 'Stopped'), ('closed', 'Closed')], default='running', max_length=12, verbose_name='State')),
                        ('notice', models.CharField(blank=True, max_length=300, verbose_name='Notice')),
                        ('organisation', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='sources', to='accounts.organisation', verbose_name='Organisation')),
                        ('region', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='accounts.region', verbose_name='Region')),
                    ],
                    options={
                        'verbose_name': 'Pollution source',
                        'ordering': ('code',),
                    },
                ),
                migrations.CreateModel(
                    name='ChangeRequest',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('created_at', models.DateTimeField(verbose_name='Proposed at')),
                        ('state', models.CharField(choices=[('proposed', 'Waiting for approval'), ('approved', 'Approved'), ('rejected', 'Rejected'), ('withdrawn', 'Withdrawn')], default='proposed', max_length=10, verbose_name='State')),
                        ('decided_at', models.DateTimeField(null=True, verbose_name='Decided at')),
                        ('comment', models.CharField(blank=True, max_length=300, verbose_name='Comment')),
                        ('version', models.PositiveIntegerField(default=0)),
                        ('reason', models.CharField(max_length=300, verbose_name='Reason')),
                        ('places', models.JSONField(default=list)),
                        ('author', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='Proposed by')),
                        ('decided_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='Decided by')),
                        ('organisation', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, to='accounts.organisation', verbose_name='Organisation')),
                        ('region', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='accounts.region', verbose_name='Region')),
                    ],
                    options={
                        'verbose_name': 'Change request',
                        'ordering': ('-id',),
                    },
                ),
                migrations.CreateModel(
                    name='Outlet',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('code', models.CharField(max_length=40, unique=True, verbose_name='Outlet code')),
                        ('name', models.CharField(max_length=120, verbose_name='Name')),
                        ('medium', models.CharField(choices=[('gas', 'Exhaust gas'), ('water', 'Waste water')], max_length=8, verbose_name='Medium')),
                        ('height_m', models.FloatField(blank=True, null=True, verbose_name='Stack height (m)')),
                        ('receiving_water', models.CharField(blank=True, max_length=80, verbose_name='Receiving water')),
                        ('source', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='outlets', to='network.source', verbose_name='Pollution source')),
                    ],
                    options={
                        'verbose_name': 'Outlet',
                        'ordering': ('code',),
                    },
                ),
                migrations.CreateModel(
                    name='Permit',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('valid_from', models.DateTimeField(blank=True, null=True, verbose_name='From')),
                        ('valid_to', models.DateTimeField(blank=True, null=True, verbose_name='To (not included)')),
                        ('number', models.CharField(max_length=40, unique=True, verbose_name='Permit number')),
                        ('issuer', models.CharField(blank=True, max_length=120, verbose_name='Issued by')),
                        ('self_monitoring', models.TextField(blank=True, verbose_name='Self-monitoring duties')),
                        ('source', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='permits', to='network.source')),
                    ],
                    options={
                        'verbose_name': 'Permit',
                        'ordering': ('number',),
                    },
                ),
                migrations.CreateModel(
                    name='ListMembership',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('valid_from', models.DateTimeField(blank=True, null=True, verbose_name='From')),
                        ('valid_to', models.DateTimeField(blank=True, null=True, verbose_name='To (not included)')),
                        ('name', models.CharField(choices=[('key_air', 'Key unit: air'), ('key_water', 'Key unit: water'), ('key_soil', 'Key unit: soil'), ('key_noise', 'Key unit: noise'), ('key_risk', 'Key unit: environmental risk'), ('outfall_owner', 'River-outfall owner'), ('radioactive_ore', 'Unit with associated radioactivity'), ('heavy_metal', 'Heavy-metal unit')], max_length=20, verbose_name='List')),
                        ('document', models.CharField(blank=True, max_length=200, verbose_name='Document')),
                        ('source', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='memberships', to='network.source')),
                    ],
                    options={
                        'verbose_name': 'List membership',
                        'ordering': ('source', 'name', 'valid_from'),
                    },
                ),
                migrations.CreateModel(
                    name='ChangeLine',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('kind', models.CharField(max_length=24, verbose_name='Kind')),
                        ('key', models.CharField(max_length=255, verbose_name='Code')),
                        ('before', models.JSONField(null=True, verbose_name='Before')),
                        ('after', models.JSONField(verbose_name='After')),
                        ('request', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='lines', to='network.changerequest')),
                    ],
                    options={
                        'ordering': ('id',),
                    },
                ),
                migrations.CreateModel(
                    name='Version',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('kind', models.CharField(max_length=24)),
                        ('key', models.CharField(max_length=255)),
                        ('recorded_at', models.DateTimeField()),
                        ('fields', models.JSONField()),
                        ('change', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='versions', to='network.changerequest')),
                    ],
                    options={
                        'ordering': ('-id',),
                        'indexes': [models.Index(fields=['kind', 'key'], name='network_ver_kind_91df7d_idx')],
                    },
                ),
                migrations.CreateModel(
                    name='Point',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('valid_from', models.DateTimeField(blank=True, null=True, verbose_name='From')),
                        ('valid_to', models.DateTimeField(blank=True, null=True, verbose_name='To (not included)')),
                        ('code', models.CharField(max_length=40, unique=True, verbose_name='Point code')),
                        ('name', models.CharField(max_length=120, verbose_name='Name')),
                        ('kind', models.CharField(choices=[('air_city', 'City air station'), ('air_township', 'Township air station'), ('air_vocs', 'VOCs station'), ('greenhouse_gas', 'Greenhouse gas station'), ('straw_burning', 'Straw-burning infrared point'), ('water_section', 'Surface-water section'), ('water_inbound', 'Inbound or outbound section'), ('water_station', 'Automatic water station'), ('reservoir', 'Key reservoir'), ('river_outfall', 'River outfall'), ('groundwater', 'Groundwater well'), ('drinking_city', 'City drinking-water source'), ('drinking_county', 'County drinking-water source'), ('drinking_township', 'Township source for over 10,000 people'), ('soil', 'Soil point'), ('farmland', 'Farmland point'), ('forest', 'Forest plot'), ('wetland', 'Wetland plot'), ('ecology', 'Ecology plot'), ('noise_area', 'Area noise point'), ('noise_road', 'Road noise point'), ('noise_zone', 'Functional-zone noise station'), ('radiation', 'Radiation station'), ('rural_environment', 'Rural environment point'), ('rural_sewage', 'Rural sewage plant effluent'), ('outlet_gas', 'Stack outlet'), ('outlet_water', 'Waste-water outlet'), ('heavy_metal', 'Heavy-metal online monitor'), ('industrial_park', 'Industrial park or development zone'), ('area_source', 'Area source'), ('petrol_station', 'Petrol-station vapour'), ('vehicle_exhaust', 'Vehicle exhaust'), ('synthetic', 'Synthetic device (alert heartbeat)')], max_length=24, verbose_name='Kind')),
                        ('level', models.CharField(choices=[('national', 'National'), ('province', 'Province'), ('city', 'City'), ('county', 'County'), ('township', 'Township'), ('enterprise', 'Enterprise')], max_length=12, verbose_name='Level')),
                        ('longitude', models.FloatField(blank=True, null=True, verbose_name='Longitude (CGCS2000)')),
                        ('latitude', models.FloatField(blank=True, null=True, verbose_name='Latitude (CGCS2000)')),
                        ('converted_from', models.CharField(blank=True, max_length=12, verbose_name='Coordinates converted from')),
                        ('status', models.CharField(choices=[('planned', 'Planned'), ('running', 'Running'), ('stopped', 'Stopped'), ('removed', 'Removed')], default='running', max_length=12, verbose_name='State')),
                        ('attributes', models.JSONField(blank=True, default=dict, verbose_name='Further attributes')),
                        ('notice', models.CharField(blank=True, max_length=1000, verbose_name='Notice')),
                        ('organisation', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='points', to='accounts.organisation', verbose_name='Owner')),
                        ('outlet', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='points', to='network.outlet', verbose_name='Outlet')),
                        ('region', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='accounts.region', verbose_name='Region')),
                    ],
                    options={
                        'verbose_name': 'Monitoring point',
                        'ordering': ('code',),
                        'indexes': [models.Index(fields=['kind'], name='network_poi_kind_34f3b5_idx')],
                    },
                ),
                migrations.CreateModel(
                    name='TreatmentFacility',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('valid_from', models.DateTimeField(blank=True, null=True, verbose_name='From')),
                        ('valid_to', models.DateTimeField(blank=True, null=True, verbose_name='To (not included)')),
                        ('code', models.CharField(max_length=40, unique=True, verbose_name='Facility code')),
                        ('name', models.CharField(max_length=120, verbose_name='Name')),
                        ('kind', models.CharField(choices=[('production', 'Production'), ('treatment', 'Treatment')], max_length=12, verbose_name='Kind')),
                        ('process', models.CharField(blank=True, max_length=200, verbose_name='Process')),
                        ('outlet', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='facilities', to='network.outlet', verbose_name='Outlet')),
                        ('source', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='facilities', to='network.source')),
                    ],
                    options={
                        'verbose_name': 'Facility',
                        'ordering': ('code',),
                    },
                ),
                migrations.CreateModel(
                    name='PermitLimit',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('valid_from', models.DateTimeField(blank=True, null=True, verbose_name='From')),
                        ('valid_to', models.DateTimeField(blank=True, null=True, verbose_name='To (not included)')),
                        ('averaging', models.CharField(choices=[('hour', 'Hour'), ('day', 'Day'), ('month', 'Month'), ('year', 'Year')], default='hour', max_length=8, verbose_name='Averaging period')),
                        ('upper', models.DecimalField(blank=True, decimal_places=4, max_digits=14, null=True, verbose_name='Upper limit')),
                        ('lower', models.DecimalField(blank=True, decimal_places=4, max_digits=14, null=True, verbose_name='Lower limit')),
                        ('yearly_amount_t', models.DecimalField(blank=True, decimal_places=4, max_digits=14, null=True, verbose_name='Yearly amount (t)')),
                        ('unit', models.CharField(max_length=20, verbose_name='Unit')),
                        ('converted', models.BooleanField(default=False, verbose_name='Applies to the converted value')),
                        ('basis', models.CharField(blank=True, max_length=200, verbose_name='Basis')),
                        ('factor', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='network.factor', verbose_name='Factor')),
                        ('outlet', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='limits', to='network.outlet', verbose_name='Outlet')),
                        ('permit', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='limits', to='network.permit', verbose_name='Permit')),
                    ],
                    options={
                        'verbose_name': 'Permit limit',
                        'ordering': ('outlet', 'factor', 'averaging'),
                    },
                ),
                migrations.CreateModel(
                    name='Instrument',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('valid_from', models.DateTimeField(blank=True, null=True, verbose_name='From')),
                        ('valid_to', models.DateTimeField(blank=True, null=True, verbose_name='To (not included)')),
                        ('code', models.CharField(max_length=40, unique=True, verbose_name='Instrument code')),
                        ('name', models.CharField(max_length=120, verbose_name='Name')),
                        ('manufacturer', models.CharField(blank=True, max_length=120, verbose_name='Manufacturer')),
                        ('model', models.CharField(blank=True, max_length=80, verbose_name='Model')),
                        ('serial_number', models.CharField(blank=True, max_length=80, verbose_name='Serial number')),
                        ('factors', models.CharField(blank=True, max_length=200, verbose_name='Factors')),
                        ('method', models.CharField(blank=True, max_length=200, verbose_name='Method')),
                        ('certificate', models.CharField(blank=True, max_length=80, verbose_name='Conformity certificate')),
                        ('verified_until', models.DateField(blank=True, null=True, verbose_name='Verified until')),
                        ('point', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='instruments', to='network.point', verbose_name='Monitoring point')),
                    ],
                    options={
                        'verbose_name': 'Instrument',
                        'ordering': ('code',),
                    },
                ),
                migrations.CreateModel(
                    name='Duty',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('valid_from', models.DateTimeField(blank=True, null=True, verbose_name='From')),
                        ('valid_to', models.DateTimeField(blank=True, null=True, verbose_name='To (not included)')),
                        ('kind', models.CharField(choices=[('monitor', 'Monitors'), ('assess', 'Assesses'), ('protect', 'Protects'), ('maintain', 'Maintains')], max_length=10, verbose_name='Duty')),
                        ('document', models.CharField(blank=True, max_length=200, verbose_name='Document')),
                        ('organisation', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='duties', to='accounts.organisation', verbose_name='Organisation')),
                        ('point', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='duties', to='network.point', verbose_name='Monitoring point')),
                    ],
                    options={
                        'verbose_name': 'Duty',
                        'ordering': ('point', 'kind'),
                    },
                ),
                migrations.CreateModel(
                    name='Device',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('valid_from', models.DateTimeField(blank=True, null=True, verbose_name='From')),
                        ('valid_to', models.DateTimeField(blank=True, null=True, verbose_name='To (not included)')),
                        ('code', models.CharField(max_length=40, unique=True, verbose_name='Device code')),
                        ('mn', models.CharField(db_index=True, max_length=40, verbose_name='MN')),
                        ('password', models.CharField(max_length=40, verbose_name='Access password (PW)')),
                        ('name', models.CharField(max_length=120, verbose_name='Name')),
                        ('system_code', models.CharField(max_length=2, verbose_name='System code (ST)')),
                        ('edition', models.CharField(choices=[('auto', 'Recognise'), ('2005', '2005'), ('2017', '2017'), ('2025', '2025')], default='auto', max_length=6, verbose_name='HJ 212 edition')),
                        ('policy', models.JSONField(blank=True, default=dict, verbose_name='Decoding policy')),
                        ('sm4_key_hex', models.CharField(blank=True, max_length=32, verbose_name='SM4 key')),
                        ('addresses', models.JSONField(blank=True, default=list, verbose_name='Allowed addresses')),
                        ('silence_seconds', models.PositiveIntegerField(default=3600, verbose_name='Silent after (s)')),
                        ('clock_tolerance_seconds', models.PositiveIntegerField(default=300, verbose_name='Clock tolerance (s)')),
                        ('synthetic', models.BooleanField(default=False, verbose_name='Synthetic device')),
                        ('point', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='devices', to='network.point', verbose_name='Monitoring point')),
                    ],
                    options={
                        'verbose_name': 'Device',
                        'ordering': ('code',),
                    },
                ),
                migrations.CreateModel(
                    name='Series',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('valid_from', models.DateTimeField(blank=True, null=True, verbose_name='From')),
                        ('valid_to', models.DateTimeField(blank=True, null=True, verbose_name='To (not included)')),
                        ('code', models.CharField(max_length=80, unique=True, verbose_name='Series code')),
                        ('origin', models.CharField(choices=[('device', 'Device'), ('platform', 'Platform'), ('manual', 'Manual'), ('laboratory', 'Laboratory'), ('upstream', 'Upper platform'), ('substitute', 'Substitute'), ('simulated', 'Simulated')], default='device', max_length=12, verbose_name='Origin')),
                        ('position', models.PositiveSmallIntegerField(default=1, verbose_name='Position')),
                        ('unit', models.CharField(max_length=20, verbose_name='Unit')),
                        ('decimals', models.PositiveSmallIntegerField(default=2, verbose_name='Decimals')),
                        ('medium', models.CharField(max_length=20, verbose_name='Medium')),
                        ('averaging', models.CharField(default='arithmetic', max_length=16, verbose_name='Averaging')),
                        ('expected', models.JSONField(blank=True, default=dict, verbose_name='Expected periods')),
                        ('notice', models.CharField(blank=True, max_length=1000, verbose_name='Notice')),
                        ('device', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='series', to='network.device', verbose_name='Device')),
                        ('factor', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='network.factor', verbose_name='Factor')),
                        ('flow_series', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='network.series', verbose_name='Flow series')),
                        ('point', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='series', to='network.point', verbose_name='Monitoring point')),
                    ],
                    options={
                        'verbose_name': 'Series',
                        'ordering': ('code',),
                        'constraints': [models.UniqueConstraint(fields=('point', 'factor', 'origin', 'position'), name='one_series_per_place')],
                    },
                ),
                migrations.CreateModel(
                    name='Software',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('valid_from', models.DateTimeField(blank=True, null=True, verbose_name='From')),
                        ('valid_to', models.DateTimeField(blank=True, null=True, verbose_name='To (not included)')),
                        ('version', models.CharField(max_length=60, verbose_name='Software version')),
                        ('digest', models.CharField(max_length=128, verbose_name='Hash')),
                        ('document', models.CharField(blank=True, max_length=200, verbose_name='Document')),
                        ('device', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='software', to='network.device', verbose_name='Device')),
                        ('instrument', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='software', to='network.instrument', verbose_name='Instrument')),
                    ],
                    options={
                        'verbose_name': 'Registered software',
                        'ordering': ('device', 'instrument', 'valid_from'),
                        'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('device__isnull', False), ('instrument__isnull', True)), models.Q(('device__isnull', True), ('instrument__isnull', False)), _connector='OR'), name='software_of_one_subject')],
                    },
                ),
                migrations.CreateModel(
                    name='Route',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('valid_from', models.DateTimeField(blank=True, null=True, verbose_name='From')),
                        ('valid_to', models.DateTimeField(blank=True, null=True, verbose_name='To (not included)')),
                        ('wire_factor', models.CharField(max_length=40, verbose_name='Code on the wire')),
                        ('scale', models.CharField(default='1', max_length=20, verbose_name='Scale')),
                        ('device', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='routes', to='network.device', verbose_name='Device')),
                        ('series', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='routes', to='network.series', verbose_name='Series')),
                    ],
                    options={
                        'verbose_name': 'Factor route',
                        'ordering': ('device', 'wire_factor', 'valid_from'),
                    },
                ),
                migrations.CreateModel(
                    name='Setting',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('valid_from', models.DateTimeField(blank=True, null=True, verbose_name='From')),
                        ('valid_to', models.DateTimeField(blank=True, null=True, verbose_name='To (not included)')),
                        ('name', models.CharField(max_length=40, verbose_name='Setting')),
                        ('value', models.CharField(max_length=80, verbose_name='Value')),
                        ('unit', models.CharField(blank=True, max_length=20, verbose_name='Unit')),
                        ('origin', models.CharField(choices=[('register', 'Register'), ('device', 'Device')], default='register', max_length=12, verbose_name='Known from')),
                        ('device', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='settings', to='network.device', verbose_name='Device')),
                        ('series', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='settings', to='network.series', verbose_name='Series')),
                    ],
                    options={
                        'verbose_name': 'Setting',
                        'ordering': ('name', 'valid_from'),
                        'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('device__isnull', True), ('series__isnull', False)), models.Q(('device__isnull', False), ('series__isnull', True)), _connector='OR'), name='setting_of_one_subject')],
                    },
                ),
            ],
        ),
    ]
