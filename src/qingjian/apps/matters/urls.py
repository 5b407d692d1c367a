from django.urls import path

from qingjian.apps.matters.views import acting, lists, registers, work

urlpatterns = [
    path("matters/", lists.matters, name="matters"),
    path("matters/inbox/", lists.inbox, name="inbox"),
    path("matters/punctuality/", lists.punctuality, name="punctuality"),
    path("matters/open/<str:code>/", acting.open_matter, name="matter-open"),
    path("matters/<int:pk>/", work.matter, name="matter"),
    path("matters/<int:pk>/act/<str:code>/", acting.act, name="matter-act"),
    path("matters/<int:pk>/sign/", acting.sign, name="sign"),
    path("evidence/<int:pk>/", work.evidence, name="evidence-file"),
    path("documents/<int:pk>/", work.document, name="matter-document"),
    path("documents/<int:pk>/pdf/", work.document_pdf, name="matter-document-pdf"),
    path("signatures/<int:pk>/drawing/", work.drawing, name="signature-drawing"),
    path("notifications/", lists.notifications, name="notifications"),
    path("notifications/read/", lists.notifications_read, name="notifications-read"),
    path("certificates/", registers.certificates, name="certificates"),
    path("certificates/add/", registers.certificate_add, name="certificate-add"),
    path("certificates/<int:pk>/", registers.certificate, name="certificate-one"),
    path("delegations/", registers.delegations, name="delegations"),
    path("delegations/add/", registers.delegation_add, name="delegation-add"),
    path("delegations/<int:pk>/end/", registers.delegation_end, name="delegation-end"),
    path("hand-over/", registers.hand_over, name="hand-over"),
    path("document-templates/", registers.templates, name="document-templates"),
    path("document-templates/<int:pk>/approve/", registers.template_approve, name="template-approve"),
    path("document-templates/<str:kind>/<str:code>/offer/", registers.template_offer, name="template-offer"),
    path(
        "document-templates/<str:kind>/<str:code>/preview/",
        registers.template_preview,
        name="template-preview",
    ),
    path("working-days/", registers.calendar, name="working-days"),
    path("webhooks/", registers.webhooks, name="webhooks"),
]
