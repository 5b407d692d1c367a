"""All tables of this app as they are now; a database that has some of them walks the migrations that made them."""

from django.db import migrations, models

from qingjian.apps.tables import CreateModels


class Migration(migrations.Migration):

    replaces = [
        ('records', '0001_initial'),
        ('records', '0002_ledgercheck_days'),
    ]

    initial = True

    dependencies = [
    ]

    operations = [
        CreateModels(
            creations=[
                migrations.CreateModel(
                    name='LedgerCheck',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('at', models.DateTimeField(db_index=True, verbose_name='Time')),
                        ('entries', models.BigIntegerField(verbose_name='Entries')),
                        ('batches', models.BigIntegerField(verbose_name='Frame batches')),
                        ('days', models.BigIntegerField(default=0, verbose_name='Sealed days')),
                        ('problems', models.JSONField(default=list, verbose_name='Problems')),
                        ('frozen', models.TextField(blank=True)),
                    ],
                    options={
                        'verbose_name': 'Check of the ledger',
                        'ordering': ('-id',),
                    },
                ),
                migrations.CreateModel(
                    name='LedgerEvent',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('kind', models.CharField(max_length=40, verbose_name='Kind')),
                        ('identifier', models.CharField(max_length=120, verbose_name='Record')),
                        ('canonical', models.BinaryField()),
                        ('salt', models.BinaryField()),
                        ('entry', models.BinaryField()),
                        ('leaf', models.CharField(max_length=64, unique=True)),
                        ('created_at', models.DateTimeField(verbose_name='Time')),
                        ('shard', models.CharField(blank=True, max_length=40)),
                        ('position', models.BigIntegerField(null=True)),
                    ],
                    options={
                        'verbose_name': 'Ledger event',
                        'ordering': ('id',),
                        'indexes': [models.Index(fields=['kind', 'identifier'], name='records_led_kind_1ab09a_idx'), models.Index(condition=models.Q(('position', None)), fields=['id'], name='records_waiting')],
                    },
                ),
            ],
        ),
    ]
