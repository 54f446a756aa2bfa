"""Addresses of the rotation pages."""

from django.urls import path

from rotation.views import (
    applying,
    backtesting,
    decisions,
    definition,
    export,
    figures,
    mine,
    outcome,
    prediction,
    publishing,
    review,
    rules,
    runs,
)

app_name = "rotation"
urlpatterns = [
    path("rotation/", runs.runs, name="runs"),
    path("rotation/start/", runs.start, name="start"),
    path("rotation/mine/", mine.mine, name="mine"),
    path("rotation/<int:run>/", review.review, name="review"),
    path("rotation/<int:run>/proposals/<int:proposal>/", review.detail, name="proposal"),
    path("rotation/<int:run>/decide/", decisions.decide_proposals, name="decide"),
    path("rotation/<int:run>/undo/<uuid:batch>/", decisions.undo, name="undo"),
    path("rotation/<int:run>/export.<str:form>", export.export, name="export"),
    path("rotation/<int:run>/figures/", figures.figures, name="figures"),
    path("rotation/<int:run>/apply/", applying.apply, name="apply"),
    path("rotation/<int:run>/job/", applying.job, name="job"),
    path("rotation/<int:run>/reverse/", applying.reverse_batch, name="reverse"),
    path("rotation/<int:run>/cancel/", applying.cancel, name="cancel"),
    path("rotation/prediction/", prediction.prediction, name="prediction"),
    path("rules/", rules.rules, name="rules"),
    path("rules/new/", rules.new_rule, name="rule-new"),
    path("rules/new/definition/", definition.definition, name="rule-new-definition"),
    path("rules/sentence/", rules.sentence, name="rule-sentence"),
    path("rules/simulate/", rules.simulate, name="rule-simulate"),
    path("rules/backtest/", backtesting.draft_backtest, name="rule-backtest-draft"),
    path("rules/<int:rule>/", rules.rule, name="rule"),
    path("rules/<int:rule>/definition/", definition.definition, name="rule-definition"),
    path("rules/<int:rule>/publish/", publishing.publish_rule, name="rule-publish"),
    path("rules/two-people/", outcome.two_people, name="rules-two-people"),
    path("rules/<int:rule>/outcome/", outcome.outcome, name="rule-outcome"),
    path("rules/<int:rule>/trial/", outcome.trial, name="rule-trial"),
    path("rules/<int:rule>/versions/", rules.versions, name="rule-versions"),
    path("rules/<int:rule>/act/", rules.rule_action, name="rule-act"),
    path("rules/<int:rule>/backtest/", backtesting.rule_backtest, name="rule-backtest"),
    path("backtests/<int:backtest>/", backtesting.backtest, name="backtest"),
    path("backtests/<int:backtest>/export.<str:form>", backtesting.export_backtest, name="backtest-export"),
]
