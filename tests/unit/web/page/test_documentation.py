"""The OpenAPI document as groups of operations."""

from condafs.web.page.documentation import groups_of

DOCUMENT = {
    "components": {
        "schemas": {
            "Wanted": {
                "required": ["specification"],
                "properties": {
                    "specification": {"type": "string", "description": "A file"},
                    "namespace": {"anyOf": [{"type": "string"}, {"type": "null"}], "default": "default"},
                },
            },
            "State": {"enum": ["READY", "FAILED"], "description": "Of a build"},
        }
    },
    "paths": {
        "/a/{name}/": {
            "get": {
                "tags": ["one"],
                "summary": "Look",
                "parameters": [
                    {"name": "name", "in": "path", "required": True, "schema": {"type": "string"}},
                    {"name": "state", "in": "query", "schema": {"$ref": "#/components/schemas/State"}},
                    {"name": "page", "in": "query", "schema": {"type": "integer", "default": 1}},
                ],
            },
            "post": {
                "tags": ["two"],
                "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Wanted"}}}},
            },
        }
    },
}


def test_operations_are_grouped_by_their_subject() -> None:
    groups = groups_of(DOCUMENT, "http://here")
    assert [(group.name, [item.method for item in group.operations]) for group in groups] == [
        ("one", ["GET"]),
        ("two", ["POST"]),
    ]


def test_parameters_tell_where_they_stand_and_what_they_are() -> None:
    (operation,) = groups_of(DOCUMENT, "http://here")[0].operations
    shown = [(item.name, item.place, item.kind, item.is_required, item.default) for item in operation.parameters]
    assert shown == [
        ("name", "path", "string", True, ""),
        ("state", "query", "READY | FAILED", False, ""),
        ("page", "query", "integer", False, "1"),
    ]
    assert operation.parameters[1].description == "Of a build"
    assert operation.example == "curl 'http://here/a/{name}/'"


def test_a_body_s_fields_are_parameters_and_the_example_has_those_that_are_needed() -> None:
    (operation,) = groups_of(DOCUMENT, "http://here")[1].operations
    assert [(item.name, item.place, item.default) for item in operation.parameters] == [
        ("specification", "body", ""),
        ("namespace", "body", '"default"'),
    ]
    assert operation.example.startswith('curl -X POST -H "Authorization: Bearer $CONDAFS_TOKEN" --json')
    assert "namespace" not in operation.example
