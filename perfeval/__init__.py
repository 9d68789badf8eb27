"""The domain of project-expenditure self-evaluation (项目支出绩效自评). Knows nothing of Prefect."""

__version__ = "0.1.0"
