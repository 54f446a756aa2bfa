"""Addresses of the clients one looks after."""

from django.urls import path

from portfolio.views import (
    agenda,
    agenda_acts,
    agenda_plan,
    calendar,
    clients,
    colleagues,
    goals,
    tasks,
    today,
    visits,
)

app_name = "portfolio"
urlpatterns = [
    path("clients/", clients.client_list, name="client_list"),
    path("clients/<int:client_id>/", clients.client_page, name="client_page"),
    path("agenda/", agenda.agenda, name="agenda"),
    path("agenda/new/", agenda_acts.new, name="agenda_new"),
    path("agenda/clients/", agenda_acts.client_choices, name="agenda_clients"),
    path("agenda/order/", agenda_acts.order, name="agenda_order"),
    path("agenda/plan/", agenda_plan.plan, name="agenda_plan"),
    path("agenda/feed/", calendar.feed_page, name="agenda_feed"),
    path("agenda/settings/", agenda_plan.field_settings, name="agenda_settings"),
    path("agenda/undo/<str:token>/", agenda_acts.undo, name="agenda_undo"),
    path("agenda/<int:number>/", agenda.visit, name="agenda_visit"),
    path("agenda/<int:number>/move/", agenda_acts.move, name="agenda_move"),
    path("agenda/<int:number>/cancel/", agenda_acts.cancel, name="agenda_cancel"),
    path("today/", today.today, name="today"),
    path("visits/", visits.record, name="record_visit"),
    path("visits/new/", visits.new, name="new_visit"),
    path("visits/<uuid:visit_id>/", visits.edit, name="edit_visit"),
    path("visits/<uuid:visit_id>/skip/", visits.skip, name="skip_visit"),
    path("visits/photos/<uuid:photo_id>/", visits.photo, name="visit_photo"),
    path("search/", clients.search, name="search"),
    path("clients/<int:client_id>/colleagues/", colleagues.colleagues, name="colleagues"),
    path("clients/<int:client_id>/colleagues/<int:colleague_id>/remove/", colleagues.remove, name="remove_colleague"),
    path("tasks/", tasks.tasks, name="tasks"),
    path("tasks/new/", tasks.new_task, name="new_task"),
    path("tasks/<int:task_id>/", tasks.task, name="task"),
    path("tasks/<int:task_id>/done/", tasks.done, name="task_done"),
    path("tasks/<int:task_id>/reopen/", tasks.reopen, name="reopen_task"),
    path("tasks/<int:task_id>/cancel/", tasks.cancel, name="cancel_task"),
    path("goals/", goals.goals, name="goals"),
    path("goals/set/", goals.set_month, name="set_goals"),
    path("goals/missing/", goals.missing, name="goal_missing"),
]
