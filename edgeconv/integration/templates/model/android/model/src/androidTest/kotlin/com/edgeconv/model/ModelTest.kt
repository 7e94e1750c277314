package com.edgeconv.model

import android.os.Build
import androidx.test.ext.junit.runners.AndroidJUnit4
import androidx.test.platform.app.InstrumentationRegistry
import org.junit.Assert.assertEquals
import org.junit.Test
import org.junit.runner.RunWith

/** The model on this phone, on every golden vector. */
@RunWith(AndroidJUnit4::class)
class ModelTest {
    private val context = InstrumentationRegistry.getInstrumentation().targetContext

    @Test
    fun everyGoldenVector() {
        val text = checkNotNull(javaClass.getResource("/golden.json")).readText()
        val golden = Golden(text)
        val found = ModelRunner.packaged(context).use(golden::run)
        val results = golden.results(found, Build.MODEL, Build.DISPLAY)
        // `edgeconv golden check BUNDLE golden-results.json` judges the same.
        context.filesDir.resolve("golden-results.json").writeText("$results")
        assertEquals(emptyList<String>(), golden.deviations(found))
    }
}
