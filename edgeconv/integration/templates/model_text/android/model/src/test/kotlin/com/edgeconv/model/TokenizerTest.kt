package com.edgeconv.model

import org.junit.Assert.assertEquals
import org.junit.Assert.assertThrows
import org.junit.Test

/** Texts give the tokens that they give in Python. */
class TokenizerTest {
    @Test
    fun everyText() {
        val tokenizer = Tokenizer.packaged()
        for ((text, tokens) in golden.texts()) {
            assertEquals(text, tokens, tokenizer.tokens(text).toList())
        }
    }

    @Test
    fun aVocabularyOfAnotherSizeIsRefused() {
        assertThrows(IllegalArgumentException::class.java) { Tokenizer("one\ntwo\n") }
    }
}
