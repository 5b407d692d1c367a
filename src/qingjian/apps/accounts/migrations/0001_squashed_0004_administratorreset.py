"""All tables of this app as they are now; a database that has some of them walks the migrations that made them."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from qingjian.apps.tables import CreateModels


class Migration(migrations.Migration):

    replaces = [
        ('accounts', '0001_initial'),
        ('accounts', '0002_second_factor'),
        ('accounts', '0003_settings_in_the_ledger'),
        ('accounts', '0004_administratorreset'),
    ]

    initial = True

    dependencies = [
    ]

    operations = [
        CreateModels(
            creations=[
                migrations.CreateModel(
                    name='Region',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('code', models.CharField(max_length=12, unique=True, verbose_name='Region code')),
                        ('name', models.CharField(max_length=80, verbose_name='Name')),
                        ('level', models.CharField(choices=[('province', 'Province'), ('city', 'City'), ('county', 'County'), ('township', 'Township')], max_length=10, verbose_name='Level')),
                    ],
                    options={
                        'verbose_name': 'Region',
                        'ordering': ('code',),
                    },
                ),
                migrations.CreateModel(
                    name='Organisation',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('code', models.CharField(max_length=24, unique=True, verbose_name='Unified social credit code')),
                        ('name', models.CharField(max_length=120, verbose_name='Name')),
                        ('kind', models.CharField(choices=[('bureau', 'Ecology and environment bureau'), ('station', 'Monitoring station'), ('enforcement', 'Enforcement team'), ('government', 'Government or department'), ('holder', 'Permit holder'), ('agency', 'Testing agency'), ('maintenance', 'Maintenance company')], max_length=12, verbose_name='Kind')),
                        ('active', models.BooleanField(default=True, verbose_name='Active')),
                        ('region', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='organisations', to='accounts.region', verbose_name='Region')),
                    ],
                    options={
                        'verbose_name': 'Organisation',
                        'ordering': ('code',),
                    },
                ),
                migrations.CreateModel(
                    name='RegionPlacement',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('valid_from', models.DateField(verbose_name='From')),
                        ('valid_to', models.DateField(blank=True, null=True, verbose_name='To (not included)')),
                        ('parent', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='placed_below', to='accounts.region', verbose_name='Region above')),
                        ('region', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='placements', to='accounts.region', verbose_name='Region')),
                    ],
                    options={
                        'verbose_name': 'Place of a region',
                        'constraints': [models.UniqueConstraint(fields=('region', 'valid_from'), name='one_placement_per_region_and_day')],
                    },
                ),
                migrations.CreateModel(
                    name='User',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('password', models.CharField(max_length=128, verbose_name='password')),
                        ('last_login', models.DateTimeField(blank=True, null=True, verbose_name='last login')),
                        ('username', models.CharField(max_length=60, unique=True, verbose_name='Login name')),
                        ('name', models.CharField(max_length=60, verbose_name='Name')),
                        ('email', models.EmailField(blank=True, max_length=254, verbose_name='E-mail')),
                        ('phone', models.CharField(blank=True, max_length=30, verbose_name='Telephone')),
                        ('is_active', models.BooleanField(default=True, verbose_name='Active')),
                        ('must_change_password', models.BooleanField(default=False)),
                        ('failed_sign_ins', models.PositiveSmallIntegerField(default=0)),
                        ('locked_until', models.DateTimeField(blank=True, null=True)),
                        ('language', models.CharField(blank=True, max_length=10, verbose_name='Language')),
                        ('organisation', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='people', to='accounts.organisation', verbose_name='Organisation')),
                    ],
                    options={
                        'verbose_name': 'User',
                        'ordering': ('username',),
                    },
                ),
                migrations.CreateModel(
                    name='AdministratorReset',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('created_at', models.DateTimeField(verbose_name='Proposed at')),
                        ('state', models.CharField(choices=[('proposed', 'Waiting for approval'), ('approved', 'Approved'), ('rejected', 'Rejected'), ('withdrawn', 'Withdrawn')], default='proposed', max_length=10, verbose_name='State')),
                        ('decided_at', models.DateTimeField(null=True, verbose_name='Decided at')),
                        ('comment', models.CharField(blank=True, max_length=300, verbose_name='Comment')),
                        ('version', models.PositiveIntegerField(default=0)),
                        ('what', models.CharField(choices=[('password', 'New first password'), ('second-factor', 'Reset of the second factor')], max_length=14, verbose_name='What')),
                        ('password', models.CharField(blank=True, max_length=128)),
                        ('author', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='Proposed by')),
                        ('decided_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='Decided by')),
                        ('user', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='resets', to=settings.AUTH_USER_MODEL, verbose_name='User')),
                    ],
                    options={
                        'verbose_name': 'Reset of an administrator',
                        'ordering': ('-created_at',),
                    },
                ),
                migrations.CreateModel(
                    name='AuditEvent',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('at', models.DateTimeField(db_index=True, verbose_name='Time')),
                        ('action', models.CharField(max_length=60, verbose_name='Action')),
                        ('subject', models.CharField(blank=True, max_length=200, verbose_name='Subject')),
                        ('detail', models.JSONField(blank=True, default=dict, verbose_name='Detail')),
                        ('address', models.CharField(blank=True, max_length=60, verbose_name='Address')),
                        ('user', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, to=settings.AUTH_USER_MODEL, verbose_name='User')),
                    ],
                    options={
                        'verbose_name': 'Audit event',
                        'ordering': ('-id',),
                    },
                ),
                migrations.CreateModel(
                    name='SecondFactor',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('sealed_secret', models.CharField(max_length=200)),
                        ('confirmed_at', models.DateTimeField(blank=True, null=True, verbose_name='In use since')),
                        ('last_step', models.BigIntegerField(default=0)),
                        ('user', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='second_factor', to=settings.AUTH_USER_MODEL)),
                    ],
                    options={
                        'verbose_name': 'Second factor',
                    },
                ),
                migrations.CreateModel(
                    name='RecoveryCode',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('digest', models.CharField(max_length=64)),
                        ('used_at', models.DateTimeField(blank=True, null=True)),
                        ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='recovery_codes', to=settings.AUTH_USER_MODEL)),
                    ],
                    options={
                        'constraints': [models.UniqueConstraint(fields=('user', 'digest'), name='one_row_per_recovery_code')],
                    },
                ),
                migrations.CreateModel(
                    name='Post',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('role', models.CharField(choices=[('leader', 'Bureau leader'), ('data_manager', 'Data manager'), ('station_staff', 'Monitoring station staff'), ('laboratory_staff', 'Laboratory staff'), ('enforcement_officer', 'Enforcement officer'), ('upper_bureau', 'Upper-level bureau'), ('permit_holder', 'Permit holder'), ('maintenance', 'Operation and maintenance'), ('testing_agency', 'Testing agency'), ('system_administrator', 'System administrator'), ('security_administrator', 'Security administrator'), ('audit_administrator', 'Audit administrator')], max_length=30, verbose_name='Role')),
                        ('valid_from', models.DateField(verbose_name='From')),
                        ('valid_to', models.DateField(blank=True, null=True, verbose_name='To (not included)')),
                        ('organisation', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='accounts.organisation', verbose_name='Organisation')),
                        ('user', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='posts', to=settings.AUTH_USER_MODEL, verbose_name='User')),
                        ('region', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='accounts.region', verbose_name='Region')),
                    ],
                    options={
                        'verbose_name': 'Post',
                        'ordering': ('user', 'valid_from'),
                        'indexes': [models.Index(fields=['user', 'valid_from'], name='accounts_po_user_id_5024f3_idx')],
                    },
                ),
            ],
        ),
    ]
