"""All tables of this app as they are now; a database that has some of them walks the migrations that made them."""

from django.db import migrations, models

from qingjian.apps.tables import CreateModels


class Migration(migrations.Migration):

    replaces = [
        ('scheduling', '0001_initial'),
        ('scheduling', '0002_said'),
    ]

    initial = True

    dependencies = [
    ]

    operations = [
        CreateModels(
            creations=[
                migrations.CreateModel(
                    name='Run',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('job', models.CharField(max_length=60, verbose_name='Job')),
                        ('period', models.DateTimeField(verbose_name='Period')),
                        ('state', models.CharField(choices=[('running', 'Running'), ('done', 'Done'), ('failed', 'Failed')], max_length=8, verbose_name='State')),
                        ('attempts', models.PositiveSmallIntegerField(default=1, verbose_name='Attempts')),
                        ('started_at', models.DateTimeField(verbose_name='Started')),
                        ('ended_at', models.DateTimeField(null=True, verbose_name='Ended')),
                        ('result', models.TextField(blank=True, verbose_name='Result')),
                        ('said', models.JSONField(editable=False, null=True)),
                    ],
                    options={
                        'verbose_name': 'Run',
                        'ordering': ('-started_at', '-id'),
                        'constraints': [models.UniqueConstraint(fields=('job', 'period'), name='one_run_per_job_and_period')],
                    },
                ),
            ],
        ),
    ]
