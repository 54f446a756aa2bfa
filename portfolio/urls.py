"""Addresses of the clients one looks after."""

from django.urls import path

from portfolio.views import clients, colleagues, goals, tasks

app_name = "portfolio"
urlpatterns = [
    path("clients/", clients.client_list, name="client_list"),
    path("clients/<int:client_id>/", clients.client_page, name="client_page"),
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
