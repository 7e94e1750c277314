package android.content;

import android.content.res.AssetManager;

public abstract class Context {
  public final <T> T getSystemService(Class<T> serviceClass) {
    return null;
  }

  public abstract AssetManager getAssets();
}
