package android.content;

import android.content.res.AssetManager;
import java.io.File;

public abstract class Context {
  public final <T> T getSystemService(Class<T> serviceClass) {
    return null;
  }

  public final String getString(int resId, Object... formatArgs) {
    return "";
  }

  public abstract AssetManager getAssets();

  public abstract File getFilesDir();
}
