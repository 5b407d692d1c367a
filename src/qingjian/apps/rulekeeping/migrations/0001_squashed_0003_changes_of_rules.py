"""All tables of this app as they are now; a database that has some of them walks the migrations that made them."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from qingjian.apps.tables import CreateModels


class Migration(migrations.Migration):

    replaces = [
        ('rulekeeping', '0001_initial'),
        ('rulekeeping', '0002_localrow'),
        ('rulekeeping', '0003_changes_of_rules'),
    ]

    initial = True

    dependencies = [
        ('accounts', '0001_squashed_0004_administratorreset'),
    ]

    operations = [
        CreateModels(
            creations=[
                migrations.CreateModel(
                    name='RuleProposal',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('created_at', models.DateTimeField(verbose_name='Proposed at')),
                        ('state', models.CharField(choices=[('proposed', 'Waiting for approval'), ('approved', 'Approved'), ('rejected', 'Rejected'), ('withdrawn', 'Withdrawn')], default='proposed', max_length=10, verbose_name='State')),
                        ('decided_at', models.DateTimeField(null=True, verbose_name='Decided at')),
                        ('comment', models.CharField(blank=True, max_length=300, verbose_name='Comment')),
                        ('version', models.PositiveIntegerField(default=0)),
                        ('table', models.CharField(max_length=40, verbose_name='Table')),
                        ('rows', models.JSONField(default=list)),
                        ('taken_back', models.JSONField(default=list)),
                        ('before', models.JSONField(default=dict)),
                        ('received', models.TextField(blank=True)),
                        ('file_name', models.CharField(blank=True, max_length=200, verbose_name='File name')),
                        ('reason', models.CharField(max_length=300, verbose_name='Reason')),
                        ('document', models.CharField(blank=True, max_length=300, verbose_name='Document compared with')),
                        ('author', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='Proposed by')),
                        ('decided_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='Decided by')),
                    ],
                    options={
                        'verbose_name': 'Change of rules',
                        'ordering': ('-id',),
                    },
                ),
                migrations.CreateModel(
                    name='RuleConfirmation',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('row_id', models.CharField(db_index=True, max_length=200)),
                        ('row_digest', models.CharField(max_length=64)),
                        ('document', models.CharField(max_length=300, verbose_name='Document')),
                        ('at', models.DateTimeField(verbose_name='Confirmed at')),
                        ('author', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to=settings.AUTH_USER_MODEL, verbose_name='Confirmed by')),
                    ],
                    options={
                        'verbose_name': 'Rule confirmation',
                        'ordering': ('id',),
                        'constraints': [models.UniqueConstraint(fields=('row_id', 'row_digest'), name='one_confirmation_per_content')],
                    },
                ),
                migrations.CreateModel(
                    name='LocalRow',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('row_id', models.CharField(db_index=True, max_length=200)),
                        ('table', models.CharField(max_length=40)),
                        ('values', models.JSONField()),
                        ('document', models.CharField(max_length=300, verbose_name='Document')),
                        ('at', models.DateTimeField(verbose_name='Entered at')),
                        ('withdrawn_at', models.DateTimeField(null=True)),
                        ('author', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='Entered by')),
                        ('withdrawn_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                        ('change', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='made', to='rulekeeping.ruleproposal')),
                    ],
                    options={
                        'verbose_name': 'Local rule',
                        'ordering': ('id',),
                        'constraints': [models.UniqueConstraint(condition=models.Q(('withdrawn_at', None)), fields=('row_id',), name='one_local_row_in_force')],
                    },
                ),
            ],
        ),
    ]
