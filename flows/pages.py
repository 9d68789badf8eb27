"""The HTML of our own pages (网页), in Chinese, made for a phone as for a desk. No script and no style stands in them: they are files."""

from collections.abc import Iterable
from html import escape


def login(unit: str, target: str, name: str = "", problem: str = "", typed: Iterable[str] = ()) -> str:
    """The login page; `problem` is why the last try was none.

    With `typed`, what somebody wrote after his session had ended stands below, and he logs in beside it, in another tab.
    """
    told = f'<p class="problem" role="alert">{_lines(problem)}</p>' if problem else ""
    kept = "".join(f'<textarea readonly rows="4" aria-label="写好的内容">\n{escape(text)}</textarea>\n' for text in typed)
    kept = f'<section class="card"><p>您刚才写的，没有提交。登录在另一个标签页打开，从这里复制过去：</p>\n{kept}</section>' if kept else ""
    aside = ' target="_blank"' if kept else ""
    where = "code" if name else "name"
    return _page(
        f"登录 · {unit}",
        f"""<main class="narrow" data-next="{escape(target)}">
<h1>项目支出绩效自评</h1>
<p class="unit">{escape(unit)}</p>
<form class="card" method="post" action="/perfeval/login" autocomplete="off"{aside}>
{told}<label>姓名<input name="name" value="{escape(name)}" maxlength="30" required{_focus(where, "name")}></label>
<label>动态码<input class="code" name="code" maxlength="12" inputmode="numeric" autocomplete="one-time-code"
 placeholder="6位数字" required{_focus(where, "code")}></label>
<input type="hidden" name="next" value="{escape(target)}">
<button>登录</button>
<p class="hint">动态码在您手机的动态码应用里，每30秒换一个，每个只能用一次：登录用去一个，审批时用下一个。</p>
</form>
<p class="hint">还没有登记：请经办人用 <code>perfeval approver invite</code> 生成邀请链接，在自己的手机上打开。</p>
{kept}</main>""",
        "login.js",
    )


def enrol(unit: str) -> str:
    """The enrolment page; all that it shows, its script asks for by the token behind #."""
    return _page(
        f"登记 · {unit}",
        f"""<main class="narrow" id="enrol">
<h1>人员登记</h1>
<p class="unit">{escape(unit)}</p>
<p class="problem" id="problem" role="alert" hidden></p>
<section class="card" id="loading"><p>正在读取邀请……</p></section>
<section class="card" id="choice" hidden>
<p>您好，<strong id="name"></strong>。您将登记为：<strong id="roles"></strong>。</p>
<p class="hint">请用您自己的手机或电脑登记，不要由别人代办。链接在 <span id="until"></span> 前有效，每种只能用它登记一次。</p>
<button id="by-code">用手机动态码登记</button>
<p class="hint" id="code-hint">手机装有动态码应用（如微信小程序“腾讯身份验证器”、Microsoft Authenticator、FreeOTP）。登录和审批都能用。</p>
<button id="by-passkey" class="second">用本机设备签名登记</button>
<p class="hint" id="passkey-hint">用本机的指纹、面容或开机口令签名，事后可独立核验。不能用来登录，须另有动态码。</p>
</section>
<section class="card" id="code" hidden>
<ol><li>用动态码应用扫描二维码：<img id="qr" alt="动态码登记二维码" width="232" height="232">
<p class="hint">正在用手机看本页：<a id="uri" href="#">在动态码应用中打开</a>，或手工输入密钥：<code id="secret"></code></p></li>
<li>填写应用里显示的6位数字：
<form id="prove"><input class="code" id="digits" maxlength="12" inputmode="numeric" autocomplete="one-time-code" placeholder="6位数字"
 aria-label="动态码" required><button>完成登记</button></form></li></ol>
</section>
<section class="card slip" id="done" hidden>
<h2>人员登记单</h2>
<table>
<tr><th>单位</th><td>{escape(unit)}</td></tr>
<tr><th>姓名</th><td id="slip-name"></td></tr>
<tr><th>角色</th><td id="slip-roles"></td></tr>
<tr><th>凭证</th><td id="slip-means"></td></tr>
<tr><th>指纹</th><td><code id="slip-fingerprint"></code></td></tr>
<tr><th>登记时间</th><td id="slip-time"></td></tr>
<tr class="sign"><th>本人签名</th><td></td></tr>
<tr class="sign"><th>确认人签名</th><td></td></tr>
<tr class="sign"><th>日期</th><td></td></tr>
</table>
<p class="hint">登记已收到，经确认后才算数：打印本单，本人手写签名，交另一位已登记的人核对指纹后确认。</p>
<button id="print">打印登记单</button>
</section>
</main>""",
        "enrol.js",
    )


def _page(title: str, body: str, *scripts: str) -> str:
    return f"""<!DOCTYPE html>
<html lang="zh-CN">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/perfeval/static/style.css">
{_scripts(scripts)}</head>
<body>
{body}
</body>
</html>
"""


def _scripts(names: Iterable[str]) -> str:
    return "".join(f'<script src="/perfeval/static/{name}" defer></script>\n' for name in names)


def _focus(where: str, name: str) -> str:
    return " autofocus" if where == name else ""


def _lines(text: str) -> str:
    return "<br>".join(map(escape, text.splitlines()))
