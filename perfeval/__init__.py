"""The domain of project-expenditure self-evaluation (项目支出绩效自评). Knows nothing of Prefect."""
