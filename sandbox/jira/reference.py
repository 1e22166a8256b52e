"""What a new Jira site comes with: statuses, types, priorities, link types, fields and permissions, in both languages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.jira.state import Json, Named, Site, Words, word

# category key -> (id, names, colour)
CATEGORIES: Mapping[str, tuple[int, Words, str]] = {
    "undefined": (1, {"en": "No Category", "zh": "无类别"}, "medium-gray"),
    "new": (2, {"en": "To Do", "zh": "待办"}, "blue-gray"),
    "indeterminate": (4, {"en": "In Progress", "zh": "进行中"}, "yellow"),
    "done": (3, {"en": "Done", "zh": "完成"}, "green"),
}
STATUSES = (
    Named("10000", {"en": "To Do", "zh": "待办"}, category="new"),
    Named("3", {"en": "In Progress", "zh": "进行中"}, "Work is being done.", category="indeterminate"),
    Named("10001", {"en": "Done", "zh": "已完成"}, category="done"),
)
TYPES = (
    Named("10002", {"en": "Task", "zh": "任务"}, "A small, distinct piece of work."),
    Named("10003", {"en": "Sub-task", "zh": "子任务"}, "A part of a task.", is_subtask=True),
    Named("10000", {"en": "Epic", "zh": "长篇故事"}, "A big piece of work."),
    Named("10004", {"en": "Bug", "zh": "缺陷"}, "A problem or error."),
)
PRIORITIES = (
    Named("1", {"en": "Highest", "zh": "最高"}),
    Named("2", {"en": "High", "zh": "高"}),
    Named("3", {"en": "Medium", "zh": "中"}),
    Named("4", {"en": "Low", "zh": "低"}),
    Named("5", {"en": "Lowest", "zh": "最低"}),
)
RESOLUTIONS = (
    Named("10000", {"en": "Done", "zh": "完成"}, "Work has been completed on this issue."),
    Named("10001", {"en": "Won't Do", "zh": "不做"}, "This issue won't be actioned."),
)
LINK_TYPES = (
    Named("10000", {"en": "Blocks"}, inward={"en": "is blocked by"}, outward={"en": "blocks"}),
    Named("10001", {"en": "Cloners"}, inward={"en": "is cloned by"}, outward={"en": "clones"}),
    Named("10002", {"en": "Duplicate"}, inward={"en": "is duplicated by"}, outward={"en": "duplicates"}),
    Named("10003", {"en": "Relates"}, inward={"en": "relates to"}, outward={"en": "relates to"}),
)
# A type an admin added: the successor is the subject of the outward phrase, the other way round than Blocks.
DEPENDS_ON_CLOUD = Named("10100", {"en": "依赖"}, inward={"en": "被依赖于"}, outward={"en": "依赖于"})
DEPENDS_ON_SERVER = Named("10100", {"en": "Depends"}, inward={"en": "is a dependency of"}, outward={"en": "depends on"})
START_DATE = {
    "id": "customfield_10015",
    "words": {"en": "Start date", "zh": "开始日期"},
    "schema": {
        "type": "date",
        "custom": "com.atlassian.jira.plugin.system.customfieldtypes:datepicker",
        "customId": 10015,
    },
}
# id, English, Chinese, schema type, items, JQL names
SYSTEM_FIELDS: tuple[tuple[str, str, str, str, str, tuple[str, ...]], ...] = (
    ("issuekey", "Key", "关键字", "", "", ("id", "issue", "issuekey", "key")),
    ("issuetype", "Issue Type", "事务类型", "issuetype", "", ("issuetype", "type")),
    ("parent", "Parent", "父级", "issuelink", "", ("parent",)),
    ("project", "Project", "项目", "project", "", ("project",)),
    ("summary", "Summary", "摘要", "string", "", ("summary",)),
    ("status", "Status", "状态", "status", "", ("status",)),
    ("priority", "Priority", "优先级", "priority", "", ("priority",)),
    ("resolution", "Resolution", "解决结果", "resolution", "", ("resolution",)),
    ("resolutiondate", "Resolved", "已解决", "datetime", "", ("resolutiondate", "resolved")),
    ("assignee", "Assignee", "经办人", "user", "", ("assignee",)),
    ("reporter", "Reporter", "报告人", "user", "", ("reporter",)),
    ("creator", "Creator", "创建者", "user", "", ("creator",)),
    ("created", "Created", "创建时间", "datetime", "", ("created", "createdDate")),
    ("updated", "Updated", "更新时间", "datetime", "", ("updated", "updatedDate")),
    ("duedate", "Due date", "到期日", "date", "", ("due", "duedate")),
    ("labels", "Labels", "标签", "array", "string", ("labels",)),
    ("components", "Components", "模块", "array", "component", ("component",)),
    ("fixVersions", "Fix versions", "修复版本", "array", "version", ("fixVersion",)),
    ("versions", "Affects versions", "影响版本", "array", "version", ("affectedVersion",)),
    ("description", "Description", "描述", "string", "", ("description",)),
    ("environment", "Environment", "环境", "string", "", ("environment",)),
    ("issuelinks", "Linked Issues", "链接的事务", "array", "issuelinks", ("issueLink",)),
    ("subtasks", "Sub-tasks", "子任务", "array", "issuelinks", ("subtasks",)),
    ("attachment", "Attachment", "附件", "array", "attachment", ("attachments",)),
    ("comment", "Comment", "备注", "comments-page", "", ("comment",)),
    ("watches", "Watchers", "关注者", "watches", "", ("watchers",)),
    ("security", "Security Level", "安全级别", "securitylevel", "", ("level",)),
)
UNNAVIGABLE = frozenset({"comment"})
# key -> (id, type, name, whether the integration account has it)
PERMISSIONS: Mapping[str, tuple[str, str, str, bool]] = {
    "ADMINISTER": ("0", "GLOBAL", "Administer Jira", False),
    "SYSTEM_ADMIN": ("44", "GLOBAL", "Jira System Administrators", False),
    "USER_PICKER": ("27", "GLOBAL", "Browse users and groups", True),
    "BULK_CHANGE": ("33", "GLOBAL", "Make bulk changes", False),
    "ADMINISTER_PROJECTS": ("23", "PROJECT", "Administer Projects", False),
    "BROWSE_PROJECTS": ("10", "PROJECT", "Browse Projects", True),
    "CREATE_ISSUES": ("11", "PROJECT", "Create Issues", True),
    "EDIT_ISSUES": ("12", "PROJECT", "Edit Issues", True),
    "ASSIGN_ISSUES": ("13", "PROJECT", "Assign Issues", True),
    "ASSIGNABLE_USER": ("17", "PROJECT", "Assignable User", True),
    "RESOLVE_ISSUES": ("14", "PROJECT", "Resolve Issues", True),
    "TRANSITION_ISSUES": ("46", "PROJECT", "Transition Issues", True),
    "SCHEDULE_ISSUES": ("28", "PROJECT", "Schedule Issues", True),
    "LINK_ISSUES": ("21", "PROJECT", "Link Issues", True),
    "DELETE_ISSUES": ("16", "PROJECT", "Delete Issues", True),
    "SET_ISSUE_SECURITY": ("26", "PROJECT", "Set Issue Security", False),
    "ADD_COMMENTS": ("15", "PROJECT", "Add Comments", True),
    "EDIT_OWN_COMMENTS": ("35", "PROJECT", "Edit Own Comments", True),
    "EDIT_ALL_COMMENTS": ("34", "PROJECT", "Edit All Comments", False),
    "DELETE_OWN_COMMENTS": ("37", "PROJECT", "Delete Own Comments", True),
    "DELETE_ALL_COMMENTS": ("36", "PROJECT", "Delete All Comments", False),
    "CREATE_ATTACHMENTS": ("19", "PROJECT", "Create Attachments", True),
    "VIEW_VOTERS_AND_WATCHERS": ("31", "PROJECT", "View Voters and Watchers", True),
    "MANAGE_WATCHERS": ("32", "PROJECT", "Manage Watchers", False),
}


def furnish(site: Site) -> None:
    """Put the things every site has into an empty one."""
    for table, items in (
        (site.statuses, STATUSES), (site.types, TYPES), (site.priorities, PRIORITIES),
        (site.resolutions, RESOLUTIONS), (site.link_types, LINK_TYPES),
    ):  # fmt: skip
        table.update({item.id: item for item in items})
    depends = DEPENDS_ON_CLOUD if site.variant == "cloud" else DEPENDS_ON_SERVER
    site.link_types[depends.id] = depends
    site.custom_fields[str(START_DATE["id"])] = START_DATE


def is_date_field(custom: Mapping[str, Any]) -> bool:
    return bool(custom["schema"]["type"] == "date")


def field_list(site: Site, language: str) -> list[Json]:
    """GET /field: system fields, then custom ones."""
    fields = []
    for field_id, english, chinese, kind, items, clauses in SYSTEM_FIELDS:
        name = word({"en": english, "zh": chinese}, language)
        shown: Json = {"id": field_id, "key": field_id, "name": name, "custom": False, "orderable": kind not in ("", "datetime"),
                       "navigable": field_id not in UNNAVIGABLE, "searchable": True, "clauseNames": list(clauses)}  # fmt: skip
        if site.variant == "dc":
            del shown["key"]
        if kind:
            shown["schema"] = {"type": kind, "system": field_id} | ({"items": items} if items else {})
        fields.append(shown)
    for field_id, custom in site.custom_fields.items():
        name = word(custom["words"], language)
        number = field_id.removeprefix("customfield_")
        shown = {"id": field_id, "key": field_id, "name": name, "custom": True, "orderable": True, "navigable": True,
                 "searchable": True, "clauseNames": [f"cf[{number}]", name], "schema": dict(custom["schema"])}  # fmt: skip
        if site.variant == "dc":
            del shown["key"]
        else:
            shown["untranslatedName"] = word(custom["words"], "en")
        fields.append(shown)
    return fields
