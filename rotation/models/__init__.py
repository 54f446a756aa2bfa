from rotation.models.backtest import Backtest
from rotation.models.campaign import Campaign, CampaignClient, CampaignContact, CampaignPerson, CampaignStep
from rotation.models.handover import Handover
from rotation.models.outcome import Outcome
from rotation.models.proposal import Decision, Proposal, RefusalReason
from rotation.models.request import Request
from rotation.models.rule import QuietPeriod, Rule, RuleVersion
from rotation.models.run import Holdout, RotationSettings, Run, RunRule
from rotation.models.tally import ProposalTally
from rotation.models.warning import SaveWarning

__all__ = [
    "Backtest",
    "Campaign",
    "CampaignClient",
    "CampaignContact",
    "CampaignPerson",
    "CampaignStep",
    "Decision",
    "Handover",
    "Holdout",
    "Outcome",
    "Proposal",
    "ProposalTally",
    "QuietPeriod",
    "RefusalReason",
    "Request",
    "RotationSettings",
    "Rule",
    "RuleVersion",
    "Run",
    "RunRule",
    "SaveWarning",
]
