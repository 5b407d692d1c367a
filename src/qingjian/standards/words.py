"""English words for the grades and ratings the standards name in Chinese."""

from __future__ import annotations

_ENGLISH = {
    "优": "excellent",
    "良": "good",
    "良好": "good",
    "轻度污染": "lightly polluted",
    "中度污染": "moderately polluted",
    "重度污染": "heavily polluted",
    "严重污染": "severely polluted",
    "贫营养": "oligotrophic",
    "中营养": "mesotrophic",
    "轻度富营养": "lightly eutrophic",
    "中度富营养": "moderately eutrophic",
    "重度富营养": "highly eutrophic",
    "一级": "grade 1",
    "二级": "grade 2",
    "三级": "grade 3",
    "四级": "grade 4",
    "五级": "grade 5",
    "六级": "grade 6",
    "一类": "class 1",
    "二类": "class 2",
    "三类": "class 3",
    "四类": "class 4",
    "五类": "class 5",
    "明显变好": "clearly better",
    "一般变好": "moderately better",
    "轻微变好": "slightly better",
    "基本稳定": "stable",
    "轻微变差": "slightly worse",
    "一般变差": "moderately worse",
    "明显变差": "clearly worse",
    "无明显变化": "no clear change",
    "有所好转": "somewhat better",
    "明显好转": "clearly better",
    "有所变差": "somewhat worse",
    "优先保护": "protected first",
    "安全利用": "safe use",
    "严格管控": "strict control",
    "不超过筛选值": "not above screening",
    "超过筛选值": "above screening",
    "超过管制值": "above control value",
    "未达黑臭": "not black-odorous",
    "轻度黑臭": "mildly black-odorous",
    "重度黑臭": "severely black-odorous",
    "好": "good",
    "较好": "fairly good",
    "一般": "fair",
    "较差": "fairly poor",
    "差": "poor",
}


def english(word: str) -> str:
    """English for a grade or rating; the Chinese word itself where none is known."""
    return _ENGLISH.get(word, word)
