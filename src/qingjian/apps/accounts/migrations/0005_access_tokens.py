
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0004_administratorreset'),
    ]

    operations = [
        migrations.CreateModel(
            name='AccessToken',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=60, verbose_name='Name')),
                ('digest', models.CharField(max_length=64, unique=True)),
                ('hint', models.CharField(max_length=12, verbose_name='Begins with')),
                ('made_at', models.DateTimeField(verbose_name='Made at')),
                ('expires_at', models.DateTimeField(verbose_name='Expires at')),
                ('last_used_at', models.DateTimeField(null=True, verbose_name='Last used')),
                ('last_used_from', models.CharField(blank=True, max_length=60, verbose_name='Last used from')),
                ('revoked_at', models.DateTimeField(null=True, verbose_name='Revoked at')),
                ('revoked_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='Revoked by')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='access_tokens', to=settings.AUTH_USER_MODEL, verbose_name='User')),
            ],
            options={
                'verbose_name': 'Access token',
                'ordering': ('-made_at', '-id'),
            },
        ),
    ]
