"""编发刊物台账: bulletins, progress charts, videos and boards."""

from schemas.columns import Day, LedgerModel, Text, Unique, Within, choice, code, day, text


class Publications(LedgerModel):
    """编发刊物: one row per issue or work."""

    kind: Text = choice("刊物类别", "编发的是什么。", "重点项目建设简报", "进度分色表", "宣传视频", "宣传展板")
    number: Text = code("期号", "期号；没有期号的留空。", Unique(per=("kind",)), required=False)
    published_on: Day = day("编发日期", "编发的日期，应在评价年度内。", Within())
    title: Text = text("标题", "标题。")
    recipients: Text = text("报送范围", "报送、张贴的范围。", required=False)

    class Config(LedgerModel.Config):
        """Pandera: how the ledger is called."""

        name = "publications"
        title = "编发刊物台账"
