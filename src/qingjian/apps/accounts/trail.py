"""What the actions of the access trail are called on pages."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

ACTIONS: dict[str, Promise] = {
    "session:user:signed-in": _("Signed in"),
    "session:user:signed-out": _("Signed out"),
    "session:user:refused": _("Sign-in refused"),
    "session:user:locked": _("Account locked after failures"),
    "session:user:unknown": _("Sign-in with an unknown login name"),
    "account:user:added": _("Account added"),
    "account:user:opened": _("Account opened"),
    "account:user:closed": _("Account closed"),
    "account:password:changed": _("Own password changed"),
    "account:password:reset": _("First password set for somebody"),
    "account:post:given": _("Post given"),
    "account:post:ended": _("Post ended"),
    "account:second-factor:set-up": _("Second factor set up"),
    "account:second-factor:removed": _("Second factor given up"),
    "account:second-factor:reset": _("Second factor of somebody reset"),
    "account:recovery-code:used": _("Recovery code used"),
    "account:recovery-codes:renewed": _("Recovery codes renewed"),
    "air:event:proposed": _("Event of the air proposed"),
    "air:event:approved": _("Event of the air approved"),
    "air:event:rejected": _("Event of the air rejected"),
    "air:event:withdrawn": _("Event of the air withdrawn"),
    "air:event:revoked": _("Event of the air revoked"),
    "data:correction:proposed": _("Correction proposed"),
    "data:correction:approved": _("Correction approved"),
    "data:correction:rejected": _("Correction rejected"),
    "data:correction:withdrawn": _("Correction withdrawn"),
    "data:file:entered": _("Data file entered"),
    "data:mark:set": _("Mark set"),
    "data:mark:withdrawn": _("Mark withdrawn"),
    "device:command:queued": _("Command to a device"),
    "integrity:rule:muted": _("Clue rule muted"),
    "integrity:rule:unmuted": _("Clue rule no longer muted"),
    "integrity:rules:switched-on": _("Set of clue rules switched on"),
    "integrity:rules:written": _("Set of clue rules written"),
    "integrity:clue:confirmed": _("Clue confirmed"),
    "integrity:clue:dismissed": _("Clue dismissed"),
    "ledger:bundle:exported": _("Evidence bundle exported"),
    "ledger:receipt:exported": _("Receipt exported"),
    "matters:certificate:entered": _("Certificate entered"),
    "matters:certificate:revoked": _("Certificate revoked"),
    "matters:confidential:read": _("Confidential matter read"),
    "matters:delegation:given": _("Deputy named"),
    "matters:delegation:ended": _("Deputyship ended"),
    "matters:template:offered": _("Document template offered"),
    "matters:template:approved": _("Document template approved"),
    "matters:template:withdrawn": _("Document template taken out of use"),
    "registry:change:proposed": _("Registry change proposed"),
    "registry:change:approved": _("Registry change approved"),
    "registry:change:rejected": _("Registry change rejected"),
    "registry:change:withdrawn": _("Registry change withdrawn"),
    "rule:calendar:imported": _("Working-day calendar imported"),
    "rule:change:proposed": _("Change of limits proposed"),
    "rule:change:approved": _("Change of limits approved"),
    "rule:change:rejected": _("Change of limits rejected"),
    "rule:change:withdrawn": _("Change of limits withdrawn"),
    "rule:local:entered": _("Local rule entered"),
    "rule:local:withdrawn": _("Local rule withdrawn"),
    "rule:row:confirmed": _("Rule confirmed"),
    "system:webhook:added": _("Webhook added"),
    "system:webhook:switched": _("Webhook switched on or off"),
}


def title(action: str) -> str:
    """Return the name of an action; one without a name here keeps its code."""
    return str(ACTIONS.get(action, action))
