package com.edgeconv.model

import org.json.JSONObject

/** The contract that a model's file carries. */
internal object FileContract {
    /** What is another than this library was made for; null where nothing is. */
    fun difference(json: JSONObject): String? {
        val labels = json.optJSONArray("labels")
        val actual = labels?.let { array -> List(array.length(), array::optString) }
        if (actual == Contract.LABELS) return null
        return "its classes are $actual, not ${Contract.LABELS}"
    }
}
